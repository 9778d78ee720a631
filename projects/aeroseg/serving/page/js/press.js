// A button that moves, or is replaced, between press and release loses its
// click: what redraws the page by itself waits for the release.

const LONGEST = 2000; // milliseconds; a release outside the page is not heard
let pressed = null;

function release() {
  pressed?.end();
  pressed = null;
}

addEventListener(
  "pointerdown",
  () => {
    release();
    pressed = {};
    pressed.done = new Promise((resolve) => {
      pressed.end = resolve;
    });
    setTimeout(pressed.end, LONGEST);
  },
  true,
);
// The click comes after the release.
for (const kind of ["pointerup", "pointercancel"]) {
  addEventListener(kind, () => setTimeout(release), true);
}

export const released = () => pressed?.done;
