/** A command of a document, and the cluster whose kubeconfig it is for. */
export interface DocumentCommand {
  readonly cluster: string;
  readonly text: string;
  readonly line: number;
}

/**
 * The commands of a Markdown document: those of blocks whose fence says `sh CLUSTER`. A command goes on over lines that end
 * with a backslash, and to the end of a here document.
 */
export function commandsOf(markdown: string): readonly DocumentCommand[] {
  const commands: DocumentCommand[] = [];
  let open: DocumentCommand | undefined;
  for (const { cluster, text, line } of linesOf(markdown)) {
    if (open === undefined && (text === '' || text.startsWith('#'))) continue;
    open = open === undefined ? { cluster, text, line } : { ...open, text: `${open.text}\n${text}` };
    if (goesOn(open.text)) continue;
    commands.push(open);
    open = undefined;
  }
  return commands;
}

/** The lines of all blocks that have a cluster. */
function linesOf(markdown: string): readonly DocumentCommand[] {
  const lines: DocumentCommand[] = [];
  let fence: { readonly cluster: string | undefined } | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    const found = /^```(?:sh (\S+))?/.exec(text);
    if (found) fence = fence === undefined ? { cluster: found[1] } : undefined;
    else if (fence?.cluster !== undefined) lines.push({ cluster: fence.cluster, text, line: index + 1 });
  }
  return lines;
}

function goesOn(command: string): boolean {
  const until = /<<'?(\w+)'?/.exec(command)?.[1];
  return until === undefined ? command.endsWith('\\') : !command.endsWith(`\n${until}`);
}
