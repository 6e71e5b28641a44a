// Work that is asked for more often than it can be done.

/**
 * What is returned has `work` done, and resolves when it is. Calls that come meanwhile are one more round together. A round that
 * fails says so in the console, and is followed by the next one as any other.
 */
export function inRounds(work) {
  let running;
  let again = false;

  async function round() {
    try {
      await work();
    } catch (error) {
      console.error(error);
    }
  }

  async function rounds() {
    while (again) {
      again = false;
      await round();
    }
    // In this step, not when the promise is over: a call between the two would have no round. By now it is set, whatever work
    // does: a round is waited for.
    running = undefined;
  }

  return () => {
    again = true;
    running ??= rounds();
    return running;
  };
}
