import { fireEvent, render, screen } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import { linkKind } from '../../src/lib/link';
import { isWeak } from '../../src/lib/pin';
import PinPad from '../../src/lib/ui/PinPad.svelte';

it.each(['111111', '123456', '987654', '121212', '000000', '112211'])('refuses %s', (pin) => {
  expect(isWeak(pin)).toBe(true);
});

it.each(['270364', '918273', '135790'])('takes %s', (pin) => {
  expect(isWeak(pin)).toBe(false);
});

describe('the pad', () => {
  const keys = () => screen.getAllByRole('button', { name: 'Touche' });

  it('answers the digits in the order of the keys, and has none in the document', async () => {
    const onpin = vi.fn();
    const { container } = render(PinPad, { onpin, kind: 'current' });
    for (const key of [0, 4, 8, 9, 1, 2]) {
      await fireEvent.click(keys()[key]!);
      expect(container.innerHTML.replace(/(viewBox|class|href|d)="[^"]*"/g, '')).not.toMatch(/\d/);
    }
    expect(onpin).toHaveBeenCalledExactlyOnceWith('159023');
  });

  it('takes digits from a keyboard and erases', async () => {
    const onpin = vi.fn();
    render(PinPad, { onpin, kind: 'current' });
    for (const key of ['1', '2', 'Backspace', '3', '4', '5', '6', '7'])
      await fireEvent.keyDown(window, { key });
    expect(onpin).toHaveBeenCalledExactlyOnceWith('134567');
  });

  it('takes nothing while it is disabled', async () => {
    const onpin = vi.fn();
    render(PinPad, { onpin, kind: 'current', disabled: true });
    for (const key of '123456') await fireEvent.keyDown(window, { key });
    expect(onpin).not.toHaveBeenCalled();
  });
});

it('tells links apart', () => {
  const rest = 'EBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgIC';
  expect(linkKind(`https://relais.example/join#1.AQ${rest}`)).toBe('setUp');
  expect(linkKind(` https://relais.example:8443/join#1.Ag${rest}\n`)).toBe('invitation');
  expect(linkKind(`http://localhost/join#1.Aw${rest}`)).toBe('device');
  expect(linkKind(`https://relais.example/join#1.CQ${rest}`)).toBeNull();
  expect(linkKind(`https://relais.example/join#2.AQ${rest}`)).toBeNull();
  expect(linkKind('javascript:alert(1)/join#1.AQEB')).toBeNull();
});
