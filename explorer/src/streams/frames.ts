import { MAX_DRAWS_PER_SECOND } from "../bounds";

const PAUSE_MS = 1000 / MAX_DRAWS_PER_SECOND - 2;

const waiting = new Set<() => void>();
let asked = 0;
let drawnAt = -Infinity;

/**
 * Runs it with the next frame that is drawn, however often it is asked for until then. Frames come a bounded number of
 * times a second, and none while the page is hidden: then only the newest is kept, and drawn when it is seen again.
 */
export function draw(run: () => void): void {
  waiting.add(run);
  asked ||= requestAnimationFrame(frame);
}

/** Doesn't run it any more. */
export function forget(run: () => void): void {
  waiting.delete(run);
}

function frame(now: number): void {
  asked = 0;
  if (now - drawnAt < PAUSE_MS) {
    asked = requestAnimationFrame(frame);
    return;
  }
  drawnAt = now;
  const runs = [...waiting];
  waiting.clear();
  runs.forEach((run) => run());
}
