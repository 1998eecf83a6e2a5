/** The colours of a chart, as the theme's style sheet has them. */
export interface Colors {
  text: string;
  grid: string;
  up: string;
  down: string;
  accent: string;
  onAccent: string;
  surface: string;
  /** Of several lines. */
  lines: string[];
}

/** How many lines have a colour of their own. */
const LINES = 8;

/** The colours that are in force at an element. */
export function colorsOf(element: Element): Colors {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim() || "gray";
  return {
    text: color("--text-3"),
    grid: color("--line"),
    up: color("--up"),
    down: color("--down"),
    accent: color("--accent"),
    onAccent: color("--on-accent"),
    surface: color("--surface"),
    lines: Array.from({ length: LINES }, (_, place) => color(`--line-${place + 1}`)),
  };
}
