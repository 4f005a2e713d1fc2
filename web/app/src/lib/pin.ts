/** Digits of the code that opens the app. */
export const PIN_DIGITS = 6;

/** Whether a code is among the first that anybody tries: one digit, or digits in a row. */
export function isWeak(pin: string): boolean {
  const steps = [...pin].slice(1).map((digit, index) => Number(digit) - Number(pin[index]));
  return steps.every((step) => step === steps[0] && Math.abs(step) <= 1) || new Set(pin).size < 3;
}
