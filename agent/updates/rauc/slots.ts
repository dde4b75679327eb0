/** `rauc status --detailed --output-format=json` (RAUC 1.8), as far as it is acted on. */
export interface RaucStatus {
  /** Name of the primary slot, which the boot loader tries first. */
  readonly primary: string | undefined;
  readonly slots: readonly Slot[];
}

export interface Slot {
  readonly name: string;
  readonly class: string;
  readonly booted: boolean;
  /** A slot that can be booted has one. */
  readonly bootname: string | undefined;
  readonly good: boolean;
  /** Of the bundle that was written to it; undefined: none was. */
  readonly version: string | undefined;
}

interface SlotJson {
  readonly class?: string;
  readonly state?: string;
  readonly bootname?: string | null;
  readonly boot_status?: string | null;
  readonly slot_status?: { readonly status?: string; readonly bundle?: { readonly version?: string | null } };
}

/** Throws if it isn't RAUC's. */
export function parseStatus(json: string): RaucStatus {
  const { boot_primary: primary, slots } = JSON.parse(json) as {
    readonly boot_primary?: string | null;
    readonly slots?: readonly Readonly<Record<string, SlotJson>>[];
  };
  if (!Array.isArray(slots)) throw new Error('rauc status gave no slots');
  return {
    primary: primary ?? undefined,
    slots: slots.flatMap((one: Readonly<Record<string, SlotJson>>) =>
      Object.entries(one).map(([name, slot]) => slotOf(name, slot)),
    ),
  };
}

function slotOf(name: string, { class: kind = '', state, bootname, boot_status: boot, slot_status: status }: SlotJson): Slot {
  return {
    name,
    class: kind,
    booted: state === 'booted',
    bootname: bootname ?? undefined,
    good: boot === 'good',
    // What is being written, or wasn't to its end, is no version.
    version: status?.status === 'pending' ? undefined : (status?.bundle?.version ?? undefined),
  };
}

/** The slot that runs; throws if RAUC doesn't know, as on a host that was booted in another way. */
export function bootedSlot({ slots }: RaucStatus): Slot {
  const booted = slots.find((slot) => slot.booted);
  if (!booted) throw new Error('rauc does not know which slot is booted: is rauc.slot= on the kernel command line?');
  return booted;
}

/** Slots that the host could boot into instead, those that are good first. */
export function otherSlots(status: RaucStatus): Slot[] {
  const booted = bootedSlot(status);
  return status.slots
    .filter((slot) => slot.class === booted.class && slot.bootname !== undefined && !slot.booted)
    .sort((a, b) => Number(b.good) - Number(a.good));
}
