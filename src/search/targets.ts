/**
 * Classes of devices by their names: nothing but limits, which what is given replaces. Of microcontrollers half of the memory that is published,
 * since the program around the network needs some; docs/devices.md has the sources.
 */
import type { SettingsOverride } from './settings.ts';
import type { LimitedSize } from './sizes.ts';

interface Target {
  /** In one line, for people who choose. */
  readonly summary: string;
  readonly limits: { readonly [Name in LimitedSize]?: number };
  /** Pixels a side of the images, for folders of images. */
  readonly imageSize?: number;
}

const kibi = 1024;

const table = {
  'mlperf-tiny': {
    summary: "MLPerf Tiny's image classification: 96 kB of int8 weights, images of 32×32",
    limits: { bytes: 96_000 },
    imageSize: 32,
  },
  esp32: {
    summary: 'ESP32 with 4 MB of flash: 2 MiB of int8 weights, 160 KiB of working memory',
    limits: { bytes: 2048 * kibi, activations: 160 * kibi },
  },
  'esp32-s3': {
    summary: 'ESP32-S3 with 4 MB of flash, without PSRAM: 2 MiB of int8 weights, 256 KiB of working memory',
    limits: { bytes: 2048 * kibi, activations: 256 * kibi },
  },
  'stm32-f7': {
    summary: 'STM32F746: 512 KiB of int8 weights, 160 KiB of working memory',
    limits: { bytes: 512 * kibi, activations: 160 * kibi },
  },
  'stm32-h7': {
    summary: 'STM32H743: 1 MiB of int8 weights, 256 KiB of working memory',
    limits: { bytes: 1024 * kibi, activations: 256 * kibi },
  },
  rp2040: {
    summary: 'RP2040 on a Raspberry Pi Pico: 1 MiB of int8 weights, 132 KiB of working memory',
    limits: { bytes: 1024 * kibi, activations: 132 * kibi },
  },
  'raspberry-pi-zero-2': {
    summary: 'Raspberry Pi Zero 2 W, as large as MobileNetV2: 3.4 M parameters, 300 M multiply-adds',
    limits: { parameters: 3_400_000, multiplyAdds: 300_000_000 },
  },
  phone: {
    summary: 'the mobile setting of architecture search: 600 M multiply-adds',
    limits: { multiplyAdds: 600_000_000 },
  },
} as const satisfies Readonly<Record<string, Target>>;

export type TargetName = keyof typeof table;
export const targets: { readonly [Name in TargetName]: Target } = table;

/** The override with the limits of a target where it says nothing of its own. */
export const withTarget = (given: SettingsOverride | undefined, { limits }: Target): SettingsOverride => ({
  ...given,
  limits: { ...limits, ...given?.limits },
});
