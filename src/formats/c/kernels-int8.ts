/**
 * C functions of the operations in bytes: real = scale * (byte - zero). Sums are of 32 bits; a factor between scales is
 * multiplier * 2^-shift, and the product of 64 bits is rounded once (`deploy/fixed-point.ts`). Values are (height, width, channels).
 */
import type { Kernels } from './kernel.ts';

export const int8Kernels = {
  scaled: {
    needs: [],
    text: `/*
 * product * 2^-shift, rounded half up, plus the zero, within bounds. The shift of a negative number is arithmetic, as all compilers
 * of note have it. Jacob et al. 2018 (arXiv 1712.05877), section 2.2; single rounding as in CMSIS-NN and TensorFlow Lite.
 */
static int8_t scaled(int64_t product, int32_t shift, int32_t zero, int32_t least, int32_t most) {
  const int64_t value = ((product + ((int64_t)1 << (shift - 1))) >> shift) + zero;
  return (int8_t)(value < least ? least : value > most ? most : value);
}`,
  },

  rounded: {
    needs: [],
    text: `/* The byte of a number, half to even. */
static int8_t rounded(float value, float scale, int32_t zero) {
  const float byte = rintf(value / scale) + (float)zero;
  return (int8_t)(byte < -128.0F ? -128.0F : byte > 127.0F ? 127.0F : byte);
}`,
  },

  convolution: {
    needs: ['scaled'],
    text: `/*
 * weights: (filters, kernel, kernel, channels / groups); depthwise: (kernel, kernel, channels). bias, multipliers and shifts: one
 * a filter.
 */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  const uint8_t *shifts;
  int32_t height, width, channels;
  int32_t rows, columns, filters;
  int32_t groups, kernel, stride, dilation, top, left;
  int32_t input_zero, output_zero, least, most;
} convolution;`,
  },

  convolve: {
    needs: ['convolution'],
    text: `static void convolve(const convolution *of, const int8_t *input, int8_t *output) {
  const int32_t depth = of->channels / of->groups;
  const int32_t filters = of->filters / of->groups;
  const int32_t zero = of->input_zero;
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t filter = 0; filter < of->filters; filter++) {
        const int8_t *weights = of->weights + filter * of->kernel * of->kernel * depth;
        int32_t sum = of->bias[filter];
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i * of->dilation;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j * of->dilation;
            if (column < 0 || column >= of->width) continue;
            const int8_t *pixel = input + (row * of->width + column) * of->channels + filter / filters * depth;
            const int8_t *weight = weights + (i * of->kernel + j) * depth;
            for (int32_t channel = 0; channel < depth; channel++) sum += (pixel[channel] - zero) * weight[channel];
          }
        }
        *output++ = scaled((int64_t)sum * of->multipliers[filter], of->shifts[filter], of->output_zero, of->least, of->most);
      }
}`,
  },

  convolve_depthwise: {
    needs: ['convolution'],
    text: `/* A filter a channel. A kernel of 1 without a stride may write over its input. */
static void convolve_depthwise(const convolution *of, const int8_t *input, int8_t *output) {
  const int32_t zero = of->input_zero;
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t channel = 0; channel < of->channels; channel++) {
        int32_t sum = of->bias[channel];
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i * of->dilation;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j * of->dilation;
            if (column < 0 || column >= of->width) continue;
            sum += (input[(row * of->width + column) * of->channels + channel] - zero) *
                   of->weights[(i * of->kernel + j) * of->channels + channel];
          }
        }
        *output++ = scaled((int64_t)sum * of->multipliers[channel], of->shifts[channel], of->output_zero, of->least, of->most);
      }
}`,
  },

  quantisation: {
    needs: [],
    text: `typedef struct {
  float input_scale;
  int32_t input_zero;
  float output_scale;
  int32_t output_zero;
} quantisation;`,
  },

  layer_normalise: {
    needs: ['rounded', 'quantisation'],
    text: `/* Each pixel over its channels, in f32. May write over its input. */
static void layer_normalise(const quantisation *by, int32_t pixels, int32_t channels, float epsilon, const float *scale,
                            const float *shift, const int8_t *input, int8_t *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels, output += channels) {
    float mean = 0.0F, variance = 0.0F;
    for (int32_t channel = 0; channel < channels; channel++)
      mean += (float)(input[channel] - by->input_zero) * by->input_scale;
    mean /= (float)channels;
    for (int32_t channel = 0; channel < channels; channel++) {
      const float value = (float)(input[channel] - by->input_zero) * by->input_scale - mean;
      variance += value * value;
    }
    const float factor = 1.0F / sqrtf(variance / (float)channels + epsilon);
    for (int32_t channel = 0; channel < channels; channel++) {
      const float value = (float)(input[channel] - by->input_zero) * by->input_scale - mean;
      output[channel] = rounded(value * factor * scale[channel] + shift[channel], by->output_scale, by->output_zero);
    }
  }
}`,
  },

  normalise_response: {
    needs: ['rounded', 'quantisation'],
    text: `/* x / (bias + alpha / size * sum of x^2 over the channels around)^beta, in f32. */
static void normalise_response(const quantisation *by, int32_t pixels, int32_t channels, int32_t size, float alpha, float beta,
                               float bias, const int8_t *input, int8_t *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels)
    for (int32_t channel = 0; channel < channels; channel++) {
      float sum = 0.0F;
      for (int32_t other = channel - size / 2; other <= channel + size / 2; other++)
        if (other >= 0 && other < channels) {
          const float value = (float)(input[other] - by->input_zero) * by->input_scale;
          sum += value * value;
        }
      const float value = (float)(input[channel] - by->input_zero) * by->input_scale;
      *output++ = rounded(value / powf(bias + alpha / (float)size * sum, beta), by->output_scale, by->output_zero);
    }
}`,
  },

  look_up: {
    needs: [],
    text: `/* A function of a byte, as a table of its 256 results. May write over its input. */
static void look_up(int32_t count, const int8_t *table, const int8_t *input, int8_t *output) {
  for (int32_t at = 0; at < count; at++) output[at] = table[input[at] + 128];
}`,
  },

  window: {
    needs: [],
    text: `typedef struct {
  int32_t height, width, channels;
  int32_t rows, columns;
  int32_t kernel, stride, top, left;
} window;`,
  },

  max_pool: {
    needs: ['window'],
    text: `/* Without margins it may write over its input. */
static void max_pool(const window *of, const int8_t *input, int8_t *output) {
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t channel = 0; channel < of->channels; channel++) {
        int8_t most = -128;
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j;
            if (column < 0 || column >= of->width) continue;
            const int8_t value = input[(row * of->width + column) * of->channels + channel];
            if (value > most) most = value;
          }
        }
        *output++ = most;
      }
}`,
  },

  average_pool: {
    needs: ['window', 'scaled'],
    text: `/*
 * The factors of a window of so many pixels: multipliers[0] is that of all, or, where margins do not count, that of one pixel,
 * then of two, and so on. Without margins it may write over its input.
 */
static void average_pool(const window *of, int counted, const int32_t *multipliers, const uint8_t *shifts, int32_t input_zero,
                         int32_t output_zero, const int8_t *input, int8_t *output) {
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t channel = 0; channel < of->channels; channel++) {
        int32_t sum = 0, count = 0;
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j;
            if (column < 0 || column >= of->width) continue;
            sum += input[(row * of->width + column) * of->channels + channel] - input_zero;
            count++;
          }
        }
        const int32_t at = counted ? 0 : count - 1;
        *output++ = scaled((int64_t)sum * multipliers[at], shifts[at], output_zero, -128, 127);
      }
}`,
  },

  pad: {
    needs: ['window'],
    text: `/* Rows and columns of one value around the image. */
static void pad(const window *of, int8_t value, const int8_t *input, int8_t *output) {
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++) {
      const int32_t row = y - of->top, column = x - of->left;
      const int inside = row >= 0 && row < of->height && column >= 0 && column < of->width;
      for (int32_t channel = 0; channel < of->channels; channel++)
        *output++ = inside ? input[(row * of->width + column) * of->channels + channel] : value;
    }
}`,
  },

  average_all: {
    needs: ['scaled'],
    text: `/* The mean over all pixels. May write over its input. */
static void average_all(int32_t pixels, int32_t channels, int32_t multiplier, int32_t shift, int32_t input_zero,
                        int32_t output_zero, const int8_t *input, int8_t *output) {
  for (int32_t channel = 0; channel < channels; channel++) {
    int32_t sum = 0;
    for (int32_t pixel = 0; pixel < pixels; pixel++) sum += input[pixel * channels + channel] - input_zero;
    output[channel] = scaled((int64_t)sum * multiplier, shift, output_zero, -128, 127);
  }
}`,
  },

  select: {
    needs: [],
    text: `static void select_channels(int32_t pixels, int32_t channels, const uint16_t *take, int32_t count, const int8_t *input,
                            int8_t *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels)
    for (int32_t at = 0; at < count; at++) *output++ = input[take[at]];
}`,
  },

  sum: {
    needs: ['scaled'],
    text: `/* The sum of the inputs, each by its factor. May write over one of them. */
typedef struct {
  const int32_t *multipliers;
  const int32_t *zeros;
  int32_t terms, shift, output_zero, least, most;
} sum;

static void add(const sum *of, int32_t count, const int8_t *const *inputs, int8_t *output) {
  for (int32_t at = 0; at < count; at++) {
    int64_t value = 0;
    for (int32_t term = 0; term < of->terms; term++)
      value += (int64_t)(inputs[term][at] - of->zeros[term]) * of->multipliers[term];
    output[at] = scaled(value, of->shift, of->output_zero, of->least, of->most);
  }
}`,
  },

  product: {
    needs: ['scaled'],
    text: `/* gate: whether the second has one number a channel. May write over the first, or over a second of its size. */
typedef struct {
  int32_t multiplier, shift, first_zero, second_zero, output_zero, least, most;
} product;

static void multiply(const product *of, int32_t pixels, int32_t channels, int gate, const int8_t *first, const int8_t *second,
                     int8_t *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++)
    for (int32_t channel = 0; channel < channels; channel++) {
      const int32_t at = pixel * channels + channel;
      const int32_t value = (first[at] - of->first_zero) * (second[gate ? channel : at] - of->second_zero);
      output[at] = scaled((int64_t)value * of->multiplier, of->shift, of->output_zero, of->least, of->most);
    }
}`,
  },

  concat: {
    needs: ['scaled'],
    text: `/* Puts channels of one input into pixels of \`stride\` channels, by its factor. */
static void stack(int32_t pixels, int32_t channels, int32_t stride, int32_t multiplier, int32_t shift, int32_t input_zero,
                  int32_t output_zero, const int8_t *input, int8_t *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels, output += stride)
    for (int32_t channel = 0; channel < channels; channel++)
      output[channel] = scaled((int64_t)(input[channel] - input_zero) * multiplier, shift, output_zero, -128, 127);
}`,
  },

  image: {
    needs: [],
    text: `/* Bytes of pixels as the network reads them: a table of 256 results for each channel. */
static void normalise(int32_t pixels, int32_t channels, const int8_t *table, const uint8_t *input, int8_t *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++)
    for (int32_t channel = 0; channel < channels; channel++) *output++ = table[channel * 256 + *input++];
}`,
  },
} as const satisfies Kernels;
