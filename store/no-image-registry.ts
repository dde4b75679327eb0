import { TerraneError } from '../core/errors/terrane-error.ts';
import type { ImageRegistry } from '../core/ports/image-registry.ts';

const absent = (): never => {
  throw new TerraneError('image_registry_absent');
};

/** The embedded server has no image registry of its own yet. Says so, whatever is asked. */
export const noImageRegistry: ImageRegistry = {
  prefix: absent,
  create: async () => absent(),
  configure: async () => absent(),
  delete: async () => absent(),
  images: async () => absent(),
  deleteImage: async () => absent(),
  scan: async () => absent(),
  credentials: async () => absent(),
};
