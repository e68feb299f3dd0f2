// The bare primitives of one training step of the paper's vanilla network (3×32×32, ten classes, 64-128-256), through
// oneDNN 2's C++ interface: the library chooses all layouts, convolution_auto, batch normalisation with a fused ReLU, reorders only
// where the layouts of two primitives differ. Without loss, update and batch preparation. The engine is compared with this time.
//
// usage: bare BATCH — prints `ready`, then for each line `N` on stdin runs N steps and prints the milliseconds that they took,
// of wall-clock and of processor time.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

using namespace dnnl;
using dims = memory::dims;
using tag = memory::format_tag;
using arguments = std::unordered_map<int, memory>;

static engine cpu(engine::kind::cpu, 0);
static stream queue(cpu);
static std::vector<std::function<void()>> forward, backward;

static memory::desc any(const dims &shape) { return {shape, memory::data_type::f32, tag::any}; }
static memory::desc plain(const dims &shape, tag layout) { return {shape, memory::data_type::f32, layout}; }

static memory filled(const memory::desc &desc) {
  memory result(desc, cpu);
  float *values = static_cast<float *>(result.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / sizeof(float); i++) values[i] = 0.01f * float(int(i * 2654435761u % 200) - 100);
  return result;
}

static void add(std::vector<std::function<void()>> &list, const primitive &what, const arguments &with) {
  list.push_back([=] { what.execute(queue, with); });
}

static memory as(std::vector<std::function<void()>> &list, const memory &from, const memory::desc &wanted) {
  if (from.get_desc() == wanted) return from;
  memory to(wanted, cpu);
  add(list, reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  return to;
}

// Adds the backward pass of a layer for the gradient of its output, and returns the gradient of its input.
using Gradient = std::function<memory(const memory &)>;

struct Layer {
  memory output;
  Gradient gradient;
};

static Layer convolve(const memory &input, dims in, int channels, bool first) {
  dims out{in[0], channels, in[2], in[3]}, weights{channels, in[1], 3, 3}, ones{1, 1}, bias{channels};
  auto algorithm = algorithm::convolution_auto;
  convolution_forward::primitive_desc pd(
      {prop_kind::forward_training, algorithm, any(in), any(weights), plain(bias, tag::a), any(out), ones, ones, ones}, cpu);
  memory kernel = filled(pd.weights_desc()), offset = filled(pd.bias_desc()), output(pd.dst_desc(), cpu);
  add(forward, convolution_forward(pd),
      {{DNNL_ARG_SRC, as(forward, input, pd.src_desc())}, {DNNL_ARG_WEIGHTS, kernel}, {DNNL_ARG_BIAS, offset}, {DNNL_ARG_DST, output}});
  return {output, [=](const memory &gradient) {
            convolution_backward_weights::primitive_desc wpd({algorithm, any(in), any(weights), any(out), ones, ones, ones}, cpu, pd);
            add(backward, convolution_backward_weights(wpd),
                {{DNNL_ARG_SRC, as(backward, input, wpd.src_desc())},
                 {DNNL_ARG_DIFF_DST, as(backward, gradient, wpd.diff_dst_desc())},
                 {DNNL_ARG_DIFF_WEIGHTS, memory(wpd.diff_weights_desc(), cpu)}});
            if (first) return memory();
            convolution_backward_data::primitive_desc dpd({algorithm, any(in), any(weights), any(out), ones, ones, ones}, cpu, pd);
            memory result(dpd.diff_src_desc(), cpu);
            add(backward, convolution_backward_data(dpd),
                {{DNNL_ARG_WEIGHTS, as(backward, kernel, dpd.weights_desc())},
                 {DNNL_ARG_DIFF_DST, as(backward, gradient, dpd.diff_dst_desc())},
                 {DNNL_ARG_DIFF_SRC, result}});
            return result;
          }};
}

static Layer normalize(const memory &input, int channels) {
  auto flags = normalization_flags::use_scale | normalization_flags::use_shift | normalization_flags::fuse_norm_relu;
  memory::desc desc = input.get_desc(), vector = plain({channels}, tag::a);
  batch_normalization_forward::primitive_desc pd({prop_kind::forward_training, desc, 1e-5f, flags}, cpu);
  memory mean(vector, cpu), variance(vector, cpu), scale = filled(vector), shift = filled(vector), output(desc, cpu),
      mask(pd.workspace_desc(), cpu);
  add(forward, batch_normalization_forward(pd),
      {{DNNL_ARG_SRC, input}, {DNNL_ARG_MEAN, mean}, {DNNL_ARG_VARIANCE, variance}, {DNNL_ARG_SCALE, scale},
       {DNNL_ARG_SHIFT, shift}, {DNNL_ARG_DST, output}, {DNNL_ARG_WORKSPACE, mask}});
  return {output, [=](const memory &gradient) {
            batch_normalization_backward::primitive_desc bpd({prop_kind::backward, desc, desc, 1e-5f, flags}, cpu, pd);
            memory result(desc, cpu);
            add(backward, batch_normalization_backward(bpd),
                {{DNNL_ARG_SRC, input}, {DNNL_ARG_MEAN, mean}, {DNNL_ARG_VARIANCE, variance}, {DNNL_ARG_SCALE, scale},
                 {DNNL_ARG_SHIFT, shift}, {DNNL_ARG_WORKSPACE, mask}, {DNNL_ARG_DIFF_DST, as(backward, gradient, desc)},
                 {DNNL_ARG_DIFF_SRC, result}, {DNNL_ARG_DIFF_SCALE, memory(vector, cpu)}, {DNNL_ARG_DIFF_SHIFT, memory(vector, cpu)}});
            return result;
          }};
}

static Layer pool(const memory &input, algorithm kind, dims in, int window) {
  dims out{in[0], in[1], in[2] / window, in[3] / window}, size{window, window}, none{0, 0};
  memory::desc desc = input.get_desc();
  pooling_forward::primitive_desc pd({prop_kind::forward_training, kind, desc, any(out), size, size, none, none}, cpu);
  memory output(pd.dst_desc(), cpu), mask(pd.workspace_desc(), cpu);
  arguments with{{DNNL_ARG_SRC, input}, {DNNL_ARG_DST, output}};
  if (kind == algorithm::pooling_max) with[DNNL_ARG_WORKSPACE] = mask;
  add(forward, pooling_forward(pd), with);
  return {output, [=](const memory &gradient) {
            pooling_backward::primitive_desc bpd({kind, desc, pd.dst_desc(), size, size, none, none}, cpu, pd);
            memory result(desc, cpu);
            arguments back{{DNNL_ARG_DIFF_DST, as(backward, gradient, pd.dst_desc())}, {DNNL_ARG_DIFF_SRC, result}};
            if (kind == algorithm::pooling_max) back[DNNL_ARG_WORKSPACE] = mask;
            add(backward, pooling_backward(bpd), back);
            return result;
          }};
}

static Layer dense(const memory &input, dims in, int classes) {
  dims out{in[0], classes}, weights{classes, in[1], in[2], in[3]}, bias{classes};
  inner_product_forward::primitive_desc pd({prop_kind::forward_training, any(in), any(weights), plain(bias, tag::a), any(out)}, cpu);
  memory kernel = filled(pd.weights_desc()), offset = filled(pd.bias_desc()), output(pd.dst_desc(), cpu);
  add(forward, inner_product_forward(pd),
      {{DNNL_ARG_SRC, as(forward, input, pd.src_desc())}, {DNNL_ARG_WEIGHTS, kernel}, {DNNL_ARG_BIAS, offset}, {DNNL_ARG_DST, output}});
  return {output, [=](const memory &gradient) {
            inner_product_backward_weights::primitive_desc wpd({any(in), any(weights), plain(bias, tag::a), any(out)}, cpu, pd);
            add(backward, inner_product_backward_weights(wpd),
                {{DNNL_ARG_SRC, as(backward, input, wpd.src_desc())}, {DNNL_ARG_DIFF_DST, as(backward, gradient, wpd.diff_dst_desc())},
                 {DNNL_ARG_DIFF_WEIGHTS, memory(wpd.diff_weights_desc(), cpu)}, {DNNL_ARG_DIFF_BIAS, memory(wpd.diff_bias_desc(), cpu)}});
            inner_product_backward_data::primitive_desc dpd({any(in), any(weights), any(out)}, cpu, pd);
            memory result(dpd.diff_src_desc(), cpu);
            add(backward, inner_product_backward_data(dpd),
                {{DNNL_ARG_WEIGHTS, as(backward, kernel, dpd.weights_desc())},
                 {DNNL_ARG_DIFF_DST, as(backward, gradient, dpd.diff_dst_desc())}, {DNNL_ARG_DIFF_SRC, result}});
            return result;
          }};
}

int main(int count, char **values) {
  const int batch = count > 1 ? std::atoi(values[1]) : 128;
  std::vector<Gradient> gradients;
  dims shape{batch, 3, 32, 32};
  memory current = filled(plain(shape, tag::nchw));
  auto append = [&](const Layer &layer) {
    current = layer.output;
    gradients.push_back(layer.gradient);
  };
  int blocks = 0;
  for (int channels : {64, 128, 256}) {
    if (blocks++ > 0) {
      append(pool(current, algorithm::pooling_max, shape, 2));
      shape = {batch, shape[1], shape[2] / 2, shape[3] / 2};
    }
    append(convolve(current, shape, channels, blocks == 1));
    shape[1] = channels;
    append(normalize(current, channels));
  }
  append(pool(current, algorithm::pooling_avg_include_padding, shape, int(shape[2])));
  shape = {batch, shape[1], 1, 1};
  append(dense(current, shape, 10));

  memory gradient = filled(current.get_desc());
  for (auto layer = gradients.rbegin(); layer != gradients.rend(); ++layer) gradient = (*layer)(gradient);

  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    auto start = std::chrono::steady_clock::now();
    auto used = std::clock();
    for (int step = std::atoi(line.c_str()); step > 0; step--) {
      for (auto &run : forward) run();
      for (auto &run : backward) run();
    }
    queue.wait();
    double wall = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    std::printf("%.4f %.4f\n", wall, 1000.0 * double(std::clock() - used) / CLOCKS_PER_SEC);
    std::fflush(stdout);
  }
}
