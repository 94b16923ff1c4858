// What a terminal obeys or reorders by: C0 and C1 controls and DEL, the line and paragraph separators, and the marks
// of bidirectional text (Unicode UAX #9), by which a line can be shown as another one.
const obeyed = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * Text for a terminal, a log or a pipe: each control character except the line feed is replaced by its escape, a
 * backslash, `u` and four hexadecimal digits. Serialized JSON stays valid and keeps its meaning, because such characters
 * occur only in its strings.
 */
export const terminalText = (text: string): string =>
  text.replace(obeyed, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The same for text of others within a line: its line feeds are shown as `\n`, so it cannot begin a line. */
export const terminalLine = (text: string): string => terminalText(text).replaceAll('\n', '\\n');

/** Writes to standard output what `terminalText` makes of it. */
export const writeOut = (text: string): void => void process.stdout.write(terminalText(text));

/** The same to standard error. */
export const writeErr = (text: string): void => void process.stderr.write(terminalText(text));
