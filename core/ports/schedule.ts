/**
 * Runs `action` once after `delayMs`; the answer cancels it. Production passes a timer that doesn't keep the process alive, tests one
 * that they drive by hand.
 */
export type Schedule = (delayMs: number, action: () => void) => () => void;
