import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";

/** Where the choice is kept. */
const KEPT_THEME = "fullon_cache_api.theme";

/** `system`: what the system prefers. */
export type Theme = "system" | "light" | "dark";

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(systemDark.matches);

/** The theme that was chosen. */
export const theme = signal<Theme>(keptTheme());

/** Whether what is shown is dark. Canvases are to be drawn anew when it changes. */
export const isDark: ReadonlySignal<boolean> = computed(() =>
  theme.value === "system" ? isSystemDark.value : theme.value === "dark",
);

/** Applies the theme from now on, and keeps it. */
export function beginTheme(): void {
  systemDark.addEventListener("change", ({ matches }) => (isSystemDark.value = matches));
  effect(() => {
    document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light";
  });
  effect(() => {
    const { value } = theme;
    try {
      localStorage.setItem(KEPT_THEME, value);
    } catch {
      // Storage is forbidden here: the choice lasts as long as the page.
    }
  });
}

function keptTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEPT_THEME);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}
