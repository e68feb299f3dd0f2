/**
 * Numbers of oneDNN's C headers (dnnl_types.h): those that both versions share, and those that moved between 2 and 3.
 * Format tags are not among them: layouts are described by strides, or left to the library (`any`, 1 in both).
 */

export const status = { success: 0, outOfMemory: 1, invalidArguments: 2, unimplemented: 3, runtimeError: 5 } as const;

/** `dnnl_data_type_t`. */
export const dataType = { bf16: 2, f32: 3 } as const;
export const formatTagAny = 1;
export const cpuEngine = 1;
export const defaultStream = 1;
export const scratchpadModeUser = 1;

export const propagation = { training: 64, inference: 96, backward: 128 } as const;

/** `average`: padding counts. `averageInside`: it does not. */
export const pooling = { max: 0x1ff, average: 0x2ff, averageInside: 0x3ff } as const;

export const convolution = { direct: 1, auto: 3 } as const;

export const binary = { add: 0x1fff0, multiply: 0x1fff1 } as const;

/** `dnnl_query_*_md`. */
export const query = {
  source: 129,
  sourceGradient: 130,
  weights: 131,
  weightsGradient: 132,
  destination: 133,
  destinationGradient: 134,
  workspace: 135,
  scratchpad: 136,
} as const;

/** `dnnl_query_impl_info_str`. */
export const queryImplementation = 8;

/** `DNNL_ARG_*`. */
export const argument = {
  source: 1,
  source1: 2,
  destination: 17,
  weights: 33,
  bias: 41,
  mean: 49,
  variance: 50,
  scale: 51,
  shift: 52,
  workspace: 64,
  scratchpad: 80,
  sourceGradient: 129,
  destinationGradient: 145,
  weightsGradient: 161,
  biasGradient: 169,
  scaleGradient: 255,
  shiftGradient: 256,
  multipleSource: 1024,
} as const;

/** Of local response normalisation: `dnnl_lrn_across_channels`. */
export const responseAcrossChannels = 0xaff;

export const useGlobalStatistics = 0x1;

/** Of eltwise primitives: backward computed from the output; exists forward too. */
export const reluFromOutput = 0x100;

export type ElementwiseName = 'linear' | 'clip' | 'logistic' | 'swish' | 'hardSwish' | 'geluErf' | 'geluTanh';

export interface VersionConstants {
  readonly major: 2 | 3;
  readonly useScale: number;
  readonly useShift: number;
  readonly fuseRelu: number;
  /** `dnnl_eltwise_*` */
  readonly elementwise: Readonly<Record<ElementwiseName, number>>;
  /** `dnnl_cpu_isa_t`. */
  readonly instructionSets: Readonly<Record<number, string>>;
}

const sharedInstructionSets = {
  0x0: 'generic',
  0x1: 'sse41',
  0x3: 'avx',
  0x7: 'avx2',
  0x27: 'avx512_core',
  0x67: 'avx512_core_vnni',
  0xe7: 'avx512_core_bf16',
};

export const version2: VersionConstants = {
  major: 2,
  useScale: 0x8,
  useShift: 0x10,
  fuseRelu: 0x4,
  elementwise: {
    linear: 0x7f,
    clip: 0x10,
    logistic: 0xaf,
    swish: 0xdf,
    hardSwish: 0x70,
    geluErf: 0x30,
    geluTanh: 0xcf,
  },
  instructionSets: {
    ...sharedInstructionSets,
    0xf: 'avx512_mic',
    0x1f: 'avx512_mic_4ops',
    0x3e7: 'avx512_core_amx',
    0x407: 'avx2_vnni',
  },
};

export const version3: VersionConstants = {
  major: 3,
  useScale: 0x2,
  useShift: 0x4,
  fuseRelu: 0x8,
  elementwise: {
    linear: 0x26,
    clip: 0x2f,
    logistic: 0x29,
    swish: 0x2c,
    hardSwish: 0x34,
    geluErf: 0x31,
    geluTanh: 0x2b,
  },
  instructionSets: {
    ...sharedInstructionSets,
    0xf: 'avx2_vnni',
    0x1f: 'avx2_vnni_2',
    0x1ef: 'avx512_core_fp16',
    0xfef: 'avx512_core_amx',
    0x1fef: 'avx512_core_amx_fp16',
    0x201ff: 'avx10_2',
    0x22fff: 'avx10_2_amx_2',
  },
};
