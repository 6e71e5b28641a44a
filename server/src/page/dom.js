// Small tools for the page's elements.

const LINES_MAX = 200;

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** Adds to the end of a list that keeps its last lines, and follows the end. */
export function append(list, line) {
  list.append(line);
  while (list.childElementCount > LINES_MAX) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

/** A step of "Try this first" is done. */
export function done(step) {
  document.querySelector(`[data-step="${step}"]`).classList.add('done');
}
