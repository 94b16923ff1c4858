import type { Command } from 'commander';
import { names, serviceRef, type ServiceRef } from '../arguments.ts';
import {
  change,
  changeWithConsent,
  mutation,
  changeText,
  withChangeFlags,
  withConsentFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

const payload = 'service { namespace name clusters { cluster exported } }';
const exportService = mutation('exportService', 'ExportServiceInput', payload);
const unexportService = mutation('unexportService', 'UnexportServiceInput', payload);

const approveExport = mutation('approveExport', 'ApproveExportInput', payload);

const nameOf = ({ namespace, name }: ServiceRef): string => `${namespace}/${name}`;

export function exportCommands(program: Command, world: World): void {
  withChangeFlags(
    program
      .command('export')
      .description('let other clusters reach a service')
      .argument('<service>', 'namespace/name', serviceRef),
  )
    .option(
      '--clusters <names>',
      'exporting clusters, comma-separated; all that have it when left out',
      names,
    )
    .addHelpText('after', '\nExample:\n  isthmus export shop/orders --clusters south')
    .action(
      async (
        service: ServiceRef,
        options: ChangeOptions & { clusters?: readonly string[] },
        command: Command,
      ) => {
        const { endpoint, show } = invocation(command, world);
        const input = { service, clusters: options.clusters ?? [] };
        const result = await change<Payload>(endpoint, exportService, input, options);
        show(result, () =>
          changeText(
            {
              todo: `export ${nameOf(service)}`,
              done: `${nameOf(service)} exported`,
              object: `the export of ${nameOf(service)}`,
            },
            result,
            options,
          ),
        );
      },
    );
  approveCommand(program, world);
  withConsentFlags(
    program
      .command('unexport')
      .description('take an export back: other clusters lose the service at once')
      .argument('<service>', 'namespace/name', serviceRef),
  )
    .addHelpText('after', '\nExample:\n  isthmus unexport shop/orders --dry-run')
    .action(async (service: ServiceRef, options: ChangeOptions, command: Command) => {
      const at = invocation(command, world);
      const what = `unexport ${nameOf(service)}`;
      const result = await changeWithConsent<Payload>(at, what, unexportService, { service }, options);
      at.show(result, () =>
        changeText(
          { todo: what, done: `${nameOf(service)} no longer exported`, object: nameOf(service) },
          result,
          options,
        ),
      );
    });
}

function approveCommand(program: Command, world: World): void {
  withChangeFlags(
    program
      .command('approve-export')
      .description('let clusters export a service by label under a name that another cluster exports already')
      .argument('<service>', 'namespace/name', serviceRef)
      .requiredOption('--clusters <names>', 'the clusters to approve, comma-separated', names),
  )
    .addHelpText('after', '\nExample:\n  isthmus approve-export shop/cart --clusters west')
    .action(
      async (
        service: ServiceRef,
        options: ChangeOptions & { clusters: readonly string[] },
        command: Command,
      ) => {
        const { endpoint, show } = invocation(command, world);
        const { clusters } = options;
        const result = await change<Payload>(endpoint, approveExport, { service, clusters }, options);
        show(result, () =>
          changeText(
            {
              todo: `approve ${clusters.join(', ')} to export ${nameOf(service)}`,
              done: `${clusters.join(', ')} approved to export ${nameOf(service)}`,
              object: `the approval of ${nameOf(service)}`,
            },
            result,
            options,
          ),
        );
      },
    );
}
