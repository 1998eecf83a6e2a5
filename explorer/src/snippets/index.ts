/** Programs that make a call, to copy: by the clients of this repository, and by any WebSocket client. */
import { commandLine, websocat } from "./command-line";
import { python } from "./python";
import { rust } from "./rust";
import type { Language, Wanted } from "./types";
import { typescript } from "./typescript";

export type { Language, Wanted } from "./types";

/** All that there are. */
export const LANGUAGES: readonly Language[] = [python, typescript, rust, commandLine, websocat];

/** What stands in a program in place of a token. */
export const TOKEN_PLACEHOLDER = "FULLON_CACHE_API_TOKEN";

/** The language of that id, else the first. */
export function languageOf(id: string | undefined): Language {
  return LANGUAGES.find((language) => language.id === id) ?? (LANGUAGES[0] as Language);
}

/**
 * A program in a language. What is secret has a placeholder; what the operation does not know is left out, for it may
 * be a secret whose name is misspelt.
 */
export function writeSnippet(
  language: Language,
  wanted: Wanted,
  isSecret: (name: string) => boolean,
): string {
  const known = wanted.operation.params.properties ?? {};
  const params = Object.fromEntries(
    Object.entries(wanted.params)
      .filter(([name]) => Object.hasOwn(known, name))
      .map(([name, value]) => [name, isSecret(name) ? TOKEN_PLACEHOLDER : value]),
  );
  return language.write({ ...wanted, params });
}
