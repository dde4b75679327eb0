import type { ImageRegistry } from '../../core/ports/image-registry.ts';
import { ecrRegistry } from '../../store/ecr-registry.ts';
import { required } from './environment.ts';
import type { HostedStore } from './store.ts';

/** Organisations' images in the account's ECR. Only for functions whose role may use it. */
export function hostedImages({ clock }: Pick<HostedStore, 'clock'>): ImageRegistry {
  return ecrRegistry({ host: required('imageHost'), root: required('imageRoot'), roleArn: required('imageRole'), clock });
}
