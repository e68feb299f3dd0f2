/** The engines, devices and convolution algorithms that users can choose, each with a one-line summary. Runs in a browser. */
import type { Precision } from '../program/precision.ts';
import type { ConvolutionAlgorithms, Device, EngineName } from './engine.ts';

export const engineSummaries: { readonly [Name in EngineName | 'auto']: string } = {
  auto: 'oneDNN where its library is found, else ONNX Runtime',
  onednn: 'oneDNN, on the processor',
  onnx: 'ONNX Runtime',
  reference: 'plain loops in f64: slow, to check the others',
};

export const deviceSummaries: { readonly [Name in Device]: string } = {
  cpu: 'the processor',
  webgpu: 'a GPU through WebGPU, with engine onnx',
  cuda: 'an NVIDIA GPU, with engine onnx',
};

export const convolutionSummaries: { readonly [Name in ConvolutionAlgorithms]: string } = {
  auto: 'the fastest algorithm, such as Winograd',
  direct: 'the sums of the definition: exact, and slower',
};

export const precisionSummaries: { readonly [Name in Precision | 'auto']: string } = {
  auto: 'bf16 where the processor has matrix units for it, else f32; f32 for the methods of the paper',
  f32: '24 bits of significand throughout',
  bf16: 'training rounds what convolutions read to 8 bits of significand, and sums in f32',
};

const namesOf = <Name extends string>(table: { readonly [Key in Name]: string }): readonly Name[] => Object.keys(table) as Name[];

export const engineNames = namesOf(engineSummaries);
export const devices = namesOf(deviceSummaries);
