/** C functions of the operations in f32. Values are (height, width, channels). A function that may write over its input says so. */
import type { Kernels } from './kernel.ts';

const bounded = `static float bounded(float value, float least, float most) {
  return value < least ? least : value > most ? most : value;
}`;

export const floatKernels = {
  bounded: { needs: [], text: bounded },

  convolution: {
    needs: ['bounded'],
    text: `/* weights: (filters, kernel, kernel, channels / groups); depthwise: (kernel, kernel, channels). bias may be 0. */
typedef struct {
  const float *weights;
  const float *bias;
  int32_t height, width, channels;
  int32_t rows, columns, filters;
  int32_t groups, kernel, stride, dilation, top, left;
  float least, most;
} convolution;`,
  },

  convolve: {
    needs: ['convolution'],
    text: `static void convolve(const convolution *of, const float *input, float *output) {
  const int32_t depth = of->channels / of->groups;
  const int32_t filters = of->filters / of->groups;
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t filter = 0; filter < of->filters; filter++) {
        const float *weights = of->weights + filter * of->kernel * of->kernel * depth;
        float sum = of->bias ? of->bias[filter] : 0.0F;
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i * of->dilation;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j * of->dilation;
            if (column < 0 || column >= of->width) continue;
            const float *pixel = input + (row * of->width + column) * of->channels + filter / filters * depth;
            const float *weight = weights + (i * of->kernel + j) * depth;
            for (int32_t channel = 0; channel < depth; channel++) sum += pixel[channel] * weight[channel];
          }
        }
        *output++ = bounded(sum, of->least, of->most);
      }
}`,
  },

  convolve_depthwise: {
    needs: ['convolution'],
    text: `/* A filter a channel. A kernel of 1 without a stride may write over its input. */
static void convolve_depthwise(const convolution *of, const float *input, float *output) {
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t channel = 0; channel < of->channels; channel++) {
        float sum = of->bias ? of->bias[channel] : 0.0F;
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i * of->dilation;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j * of->dilation;
            if (column < 0 || column >= of->width) continue;
            sum += input[(row * of->width + column) * of->channels + channel] *
                   of->weights[(i * of->kernel + j) * of->channels + channel];
          }
        }
        *output++ = bounded(sum, of->least, of->most);
      }
}`,
  },

  layer_normalise: {
    needs: [],
    text: `/* Each pixel over its channels. May write over its input. */
static void layer_normalise(int32_t pixels, int32_t channels, float epsilon, const float *scale, const float *shift,
                            const float *input, float *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels, output += channels) {
    float mean = 0.0F, variance = 0.0F;
    for (int32_t channel = 0; channel < channels; channel++) mean += input[channel];
    mean /= (float)channels;
    for (int32_t channel = 0; channel < channels; channel++)
      variance += (input[channel] - mean) * (input[channel] - mean);
    const float factor = 1.0F / sqrtf(variance / (float)channels + epsilon);
    for (int32_t channel = 0; channel < channels; channel++)
      output[channel] = (input[channel] - mean) * factor * scale[channel] + shift[channel];
  }
}`,
  },

  normalise_response: {
    needs: [],
    text: `/* x / (bias + alpha / size * sum of x^2 over the channels around)^beta */
static void normalise_response(int32_t pixels, int32_t channels, int32_t size, float alpha, float beta, float bias,
                               const float *input, float *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels)
    for (int32_t channel = 0; channel < channels; channel++) {
      float sum = 0.0F;
      for (int32_t other = channel - size / 2; other <= channel + size / 2; other++)
        if (other >= 0 && other < channels) sum += input[other] * input[other];
      *output++ = input[channel] / powf(bias + alpha / (float)size * sum, beta);
    }
}`,
  },

  bound: {
    needs: ['bounded'],
    text: `/* May write over its input. */
static void bound(int32_t count, float least, float most, const float *input, float *output) {
  for (int32_t at = 0; at < count; at++) output[at] = bounded(input[at], least, most);
}`,
  },

  activate: {
    needs: [],
    text: `/* May write over its input. */
static void activate(float (*function)(float), int32_t count, const float *input, float *output) {
  for (int32_t at = 0; at < count; at++) output[at] = function(input[at]);
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
static void max_pool(const window *of, const float *input, float *output) {
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t channel = 0; channel < of->channels; channel++) {
        float most = -3.4028235e+38F;
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j;
            if (column < 0 || column >= of->width) continue;
            const float value = input[(row * of->width + column) * of->channels + channel];
            if (value > most) most = value;
          }
        }
        *output++ = most;
      }
}`,
  },

  average_pool: {
    needs: ['window'],
    text: `/* counted: whether margins count, as zeros. Without margins it may write over its input. */
static void average_pool(const window *of, int counted, const float *input, float *output) {
  for (int32_t y = 0; y < of->rows; y++)
    for (int32_t x = 0; x < of->columns; x++)
      for (int32_t channel = 0; channel < of->channels; channel++) {
        float sum = 0.0F;
        int32_t count = 0;
        for (int32_t i = 0; i < of->kernel; i++) {
          const int32_t row = y * of->stride - of->top + i;
          if (row < 0 || row >= of->height) continue;
          for (int32_t j = 0; j < of->kernel; j++) {
            const int32_t column = x * of->stride - of->left + j;
            if (column < 0 || column >= of->width) continue;
            sum += input[(row * of->width + column) * of->channels + channel];
            count++;
          }
        }
        *output++ = sum / (float)(counted ? of->kernel * of->kernel : count);
      }
}`,
  },

  pad: {
    needs: ['window'],
    text: `/* Rows and columns of one value around the image. */
static void pad(const window *of, float value, const float *input, float *output) {
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
    needs: [],
    text: `/* The mean over all pixels. May write over its input. */
static void average_all(int32_t pixels, int32_t channels, const float *input, float *output) {
  for (int32_t channel = 0; channel < channels; channel++) {
    float sum = 0.0F;
    for (int32_t pixel = 0; pixel < pixels; pixel++) sum += input[pixel * channels + channel];
    output[channel] = sum / (float)pixels;
  }
}`,
  },

  select: {
    needs: [],
    text: `static void select_channels(int32_t pixels, int32_t channels, const uint16_t *take, int32_t count, const float *input,
                            float *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels)
    for (int32_t at = 0; at < count; at++) *output++ = input[take[at]];
}`,
  },

  sum: {
    needs: ['bounded'],
    text: `/* The sum of the inputs, each times its share. May write over one of them. */
static void add(int32_t terms, const float *shares, int32_t count, float least, float most, const float *const *inputs,
                float *output) {
  for (int32_t at = 0; at < count; at++) {
    float value = 0.0F;
    for (int32_t term = 0; term < terms; term++) value += shares[term] * inputs[term][at];
    output[at] = bounded(value, least, most);
  }
}`,
  },

  product: {
    needs: ['bounded'],
    text: `/* gate: whether the second has one number a channel. May write over the first, or over a second of its size. */
static void multiply(int32_t pixels, int32_t channels, int gate, float least, float most, const float *first,
                     const float *second, float *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++)
    for (int32_t channel = 0; channel < channels; channel++) {
      const int32_t at = pixel * channels + channel;
      output[at] = bounded(first[at] * second[gate ? channel : at], least, most);
    }
}`,
  },

  concat: {
    needs: [],
    text: `/* Puts channels of one input into pixels of \`stride\` channels. */
static void stack(int32_t pixels, int32_t channels, int32_t stride, const float *input, float *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += channels, output += stride)
    memcpy(output, input, (size_t)channels * sizeof(float));
}`,
  },

  image: {
    needs: [],
    text: `/* Bytes as the network reads them: byte * scale + shift for each channel. */
static void normalise(int32_t pixels, int32_t channels, const float *scale, const float *shift, const uint8_t *input,
                      float *output) {
  for (int32_t pixel = 0; pixel < pixels; pixel++)
    for (int32_t channel = 0; channel < channels; channel++)
      *output++ = (float)*input++ * scale[channel] + shift[channel];
}`,
  },
} as const satisfies Kernels;
