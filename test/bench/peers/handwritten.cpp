//===- handwritten.cpp - The gated feed-forward's training step, by hand --===//
//
// What a person would write for exactly this model on dp x tp threads, as a
// limit to measure the compiler against: oneDNN products, fused loops, one copy
// a gather, and no copy at all where peers' memory can be read in place. It
// computes what Fabric's plan and the PyTorch peer compute: the loss is the sum
// of all outputs, AdamW has PyTorch's defaults with the learning rate below.
//
//   handwritten DP TP DIM HIDDEN GLOBAL_BATCH STEPS \
//       WEIGHTS.safetensors W1_AT W2_AT W3_AT X.npy X_AT
//
// where *_AT are byte offsets of the f32 data in the files. Prints JSON:
// milliseconds and loss of every step.
//
// Layout: rank = dp_index * tp + tp_index. A TP shard is rows of w1 and w3 and
// columns of w2; each is stored in `dp` parts of equal rows.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dnnl.h>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

extern "C" void omp_set_num_threads(int threads);

namespace {

constexpr float lr = 3e-3f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f,
                decay = 0.01f;
enum { W1, W2, W3, NumWeights };

[[noreturn]] void fail(const std::string &what) {
  std::fprintf(stderr, "handwritten: error: %s\n", what.c_str());
  std::exit(1);
}

/// Memory on huge pages, zero at first.
class Floats {
public:
  void allocate(size_t count) {
    size_t bytes = (count * sizeof(float) + hugePage - 1) / hugePage * hugePage;
    start = static_cast<float *>(std::aligned_alloc(hugePage, bytes));
    if (!start)
      fail("cannot allocate " + std::to_string(bytes) + " bytes");
    (void)madvise(start, bytes, MADV_HUGEPAGE);
    std::memset(start, 0, bytes);
  }
  Floats() = default;
  Floats(Floats &&other) noexcept
      : start(std::exchange(other.start, nullptr)) {}
  ~Floats() { std::free(start); }
  operator float *() const { return start; }

private:
  static constexpr size_t hugePage = 2 << 20;
  float *start = nullptr;
};

/// Blocks: there may be more ranks than cores.
class Barrier {
public:
  explicit Barrier(int size) : size(size) {}
  void wait() {
    std::unique_lock lock(mutex);
    int entered = generation;
    if (++arrived == size) {
      arrived = 0;
      ++generation;
      changed.notify_all();
    } else {
      changed.wait(lock, [&] { return generation != entered; });
    }
  }

private:
  std::mutex mutex;
  std::condition_variable changed;
  const int size;
  int arrived = 0, generation = 0;
};

/// Row-major c[m, n] = a[m, k] b[k, n]; 'T' where an operand lies transposed.
void multiply(char ta, char tb, int64_t m, int64_t n, int64_t k, const float *a,
              int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc) {
  if (dnnl_sgemm(ta, tb, m, n, k, 1.0f, a, lda, b, ldb, 0.0f, c, ldc) !=
      dnnl_success)
    fail("oneDNN refuses a product");
}

struct Sizes {
  int64_t dp, tp, dim, hidden, batch;
  int64_t hiddenHere() const { return hidden / tp; }
  int64_t batchHere() const { return batch / dp; }
  /// Elements of a TP shard, and of the part of it that a rank stores.
  int64_t shard() const { return hiddenHere() * dim; }
  int64_t part() const { return shard() / dp; }
};

struct Rank {
  std::array<Floats, NumWeights> param, mean, square; ///< Stored parts.
  std::array<Floats, NumWeights> gathered, gradient;  ///< TP shards.
  Floats x, gate, up, product, dProduct, dGate, dUp, y;
  float loss = 0;

  void allocate(const Sizes &s) {
    for (int w = 0; w < NumWeights; ++w) {
      for (Floats *floats : {&param[w], &mean[w], &square[w]})
        floats->allocate(s.part());
      gradient[w].allocate(s.shard());
      if (s.dp > 1)
        gathered[w].allocate(s.shard());
    }
    for (Floats *floats : {&gate, &up, &product, &dProduct, &dGate, &dUp})
      floats->allocate(s.batchHere() * s.hiddenHere());
    for (Floats *floats : {&x, &y})
      floats->allocate(s.batchHere() * s.dim);
  }
};

//===----------------------------------------------------------------------===//
// The step
//===----------------------------------------------------------------------===//

class Step {
public:
  Step(const Sizes &sizes, std::vector<Rank> &ranks, int id, Barrier &ofData)
      : s(sizes), ranks(ranks), self(ranks[id]), data(id / s.tp),
        tensor(id % s.tp), ofData(ofData) {}

  /// `number` counts from 1. All ranks have finished the step before.
  void run(int number) {
    int64_t b = s.batchHere(), h = s.hiddenHere(), d = s.dim;
    const float *w1 = gather(W1);
    multiply('N', 'T', b, h, d, self.x, d, w1, d, self.gate, h);
    const float *w3 = gather(W3);
    multiply('N', 'T', b, h, d, self.x, d, w3, d, self.up, h);
    forwardGate(b * h);
    const float *w2 = gather(W2);
    multiply('N', 'T', b, d, h, self.product, h, w2, h, self.y, d);
    self.loss = sumAndReplaceByOnes(self.y, b * d);

    multiply('N', 'N', b, h, d, self.y, d, w2, h, self.dProduct, h);
    multiply('T', 'N', d, h, b, self.y, d, self.product, h, self.gradient[W2],
             h);
    backwardGate(b * h);
    multiply('T', 'N', h, d, b, self.dGate, h, self.x, d, self.gradient[W1], d);
    multiply('T', 'N', h, d, b, self.dUp, h, self.x, d, self.gradient[W3], d);
    if (s.dp > 1)
      ofData.wait();
    for (int w = 0; w < NumWeights; ++w)
      update(w, number);
  }

private:
  Rank &peer(int64_t dataIndex) { return ranks[dataIndex * s.tp + tensor]; }

  const float *gather(int w) {
    if (s.dp == 1)
      return self.param[w];
    for (int64_t i = 0; i < s.dp; ++i)
      std::memcpy(self.gathered[w] + i * s.part(), peer(i).param[w],
                  s.part() * sizeof(float));
    return self.gathered[w];
  }

  void forwardGate(int64_t count) {
    const float *gate = self.gate, *up = self.up;
    float *product = self.product;
    for (int64_t i = 0; i < count; ++i)
      product[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
  }

  void backwardGate(int64_t count) {
    const float *gate = self.gate, *up = self.up, *dProduct = self.dProduct;
    float *dGate = self.dGate, *dUp = self.dUp;
    for (int64_t i = 0; i < count; ++i) {
      float sigmoid = 1 / (1 + std::exp(-gate[i])), silu = gate[i] * sigmoid;
      dUp[i] = dProduct[i] * silu;
      dGate[i] = dProduct[i] * up[i] * (sigmoid + silu * (1 - sigmoid));
    }
  }

  static float sumAndReplaceByOnes(float *values, int64_t count) {
    float sum = 0;
    for (int64_t i = 0; i < count; ++i) {
      sum += values[i];
      values[i] = 1;
    }
    return sum;
  }

  /// Sums the peers' gradients where they lie, in tiles that stay in the cache.
  void update(int w, int number) {
    float c1 = 1 / (1 - std::pow(beta1, float(number)));
    float c2 = 1 / (1 - std::pow(beta2, float(number)));
    constexpr int64_t tile = 2048;
    alignas(64) float sum[tile];
    for (int64_t begin = 0; begin < s.part(); begin += tile) {
      int64_t count = std::min(tile, s.part() - begin);
      int64_t at = data * s.part() + begin;
      const float *gradient = self.gradient[w] + at;
      if (s.dp > 1) {
        const float *first = peer(0).gradient[w] + at,
                    *second = peer(1).gradient[w] + at;
        for (int64_t i = 0; i < count; ++i)
          sum[i] = first[i] + second[i];
        for (int64_t other = 2; other < s.dp; ++other) {
          const float *more = peer(other).gradient[w] + at;
          for (int64_t i = 0; i < count; ++i)
            sum[i] += more[i];
        }
        gradient = sum;
      }
      float *p = self.param[w] + begin, *m = self.mean[w] + begin,
            *v = self.square[w] + begin;
      for (int64_t i = 0; i < count; ++i) {
        float g = gradient[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        p[i] = p[i] * (1 - lr * decay) -
               lr * (m[i] * c1) / (std::sqrt(v[i] * c2) + eps);
      }
    }
  }

  const Sizes &s;
  std::vector<Rank> &ranks;
  Rank &self;
  const int64_t data, tensor;
  Barrier &ofData;
};

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// A file's f32 data from an offset, mapped.
const float *mapFloats(const char *path, const char *offset) {
  int file = open(path, O_RDONLY);
  off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
  if (size < 0)
    fail(std::string("cannot read ") + path);
  void *bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED)
    fail(std::string("cannot map ") + path);
  return reinterpret_cast<const float *>(static_cast<const char *>(bytes) +
                                         std::atoll(offset));
}

/// Fills what `rank` stores from the whole tensors.
void load(const Sizes &s, Rank &rank, int64_t data, int64_t tensor,
          const std::array<const float *, NumWeights> &whole, const float *x) {
  int64_t h = s.hiddenHere();
  for (int w : {W1, W3})
    std::memcpy(rank.param[w], whole[w] + tensor * s.shard() + data * s.part(),
                s.part() * sizeof(float));
  for (int64_t row = 0; row < s.dim / s.dp; ++row)
    std::memcpy(rank.param[W2] + row * h,
                whole[W2] + (data * (s.dim / s.dp) + row) * s.hidden +
                    tensor * h,
                h * sizeof(float));
  std::memcpy(rank.x, x + data * s.batchHere() * s.dim,
              s.batchHere() * s.dim * sizeof(float));
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 13)
    fail("expected DP TP DIM HIDDEN BATCH STEPS WEIGHTS W1_AT W2_AT W3_AT X "
         "X_AT");
  auto number = [&](int i) { return std::atoll(argv[i]); };
  Sizes s{number(1), number(2), number(3), number(4), number(5)};
  int steps = static_cast<int>(number(6));
  if (s.dp < 1 || s.tp < 1 || s.hidden % (s.dp * s.tp) || s.dim % s.dp ||
      s.batch % s.dp)
    fail("the mesh does not divide the sizes");
  std::array<const float *, NumWeights> whole;
  for (int w = 0; w < NumWeights; ++w)
    whole[w] = mapFloats(argv[7], argv[8 + w]);
  const float *x = mapFloats(argv[11], argv[12]);

  int size = static_cast<int>(s.dp * s.tp);
  std::vector<Rank> ranks(size);
  std::vector<std::unique_ptr<Barrier>> ofData;
  for (int64_t t = 0; t < s.tp; ++t)
    ofData.push_back(std::make_unique<Barrier>(static_cast<int>(s.dp)));
  Barrier all(size);
  std::vector<double> milliseconds(steps), losses(steps);

  auto body = [&](int id) {
    // OpenMP's threads of this rank: the cores shared among the ranks.
    omp_set_num_threads(std::max(
        1, static_cast<int>(std::thread::hardware_concurrency()) / size));
    ranks[id].allocate(s);
    load(s, ranks[id], id / s.tp, id % s.tp, whole, x);
    Step step(s, ranks, id, *ofData[id % s.tp]);
    for (int i = 0; i < steps; ++i) {
      all.wait();
      auto begin = std::chrono::steady_clock::now();
      step.run(i + 1);
      all.wait(); // Parameters are whole, and losses there.
      if (id != 0)
        continue;
      for (const Rank &rank : ranks)
        losses[i] += rank.loss;
      milliseconds[i] = std::chrono::duration<double, std::milli>(
                            std::chrono::steady_clock::now() - begin)
                            .count();
    }
  };
  std::vector<std::thread> threads;
  for (int id = 0; id < size; ++id)
    threads.emplace_back(body, id);
  for (std::thread &thread : threads)
    thread.join();

  auto print = [](const char *name, const std::vector<double> &values) {
    std::printf("\"%s\": [", name);
    for (size_t i = 0; i < values.size(); ++i) {
      std::printf("%s", i ? ", " : "");
      if (std::isfinite(values[i]))
        std::printf("%.9g", values[i]);
      else
        std::printf("null"); // JSON has no NaN.
    }
    std::printf("]");
  };
  std::printf("{");
  print("step_ms", milliseconds);
  std::printf(", ");
  print("losses", losses);
  std::printf("}\n");
  return 0;
}
