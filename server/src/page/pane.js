// What every pane is: a copy of a template, with a name, fields, outputs and buttons.

export class Pane {
  /** A copy of a template; `key` is how styles know it. */
  constructor(template, key, name) {
    this.root = document.getElementById(template).content.firstElementChild.cloneNode(true);
    this.root.dataset.pane = key;
    this.root.setAttribute('aria-label', name);
    this.root.querySelector('h2').prepend(name);
    this.root.addEventListener('submit', (event) => event.preventDefault());
  }

  field(name) { return this.root.querySelector(`[data-field="${name}"]`); }
  out(name) { return this.root.querySelector(`[data-out="${name}"]`); }
  button(verb) { return this.root.querySelector(`[data-verb="${verb}"]`); }

  /** `act` runs when the verb's button is pressed; a form's own button is pressed by Enter too. */
  press(verb, act) {
    const button = this.button(verb);
    if (button.type === 'submit') button.form.addEventListener('submit', act);
    else button.addEventListener('click', act);
  }
}
