#include "pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ossay {

namespace {

constexpr int kSpins = 1500;  // pauses before sleeping, 20 to 50 us in all

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Returns once `word` is no longer `old`: spins, then sleeps on a futex.
void wait_while(const std::atomic<uint32_t>& word, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    pause();
  }
  word.wait(old, std::memory_order_acquire);
}

}  // namespace

struct Team::Shared {
  explicit Shared(int threads)
      : size(threads), counters{std::vector<Counter>(threads), std::vector<Counter>(threads)} {}
  void reset() {
    for (auto& set : counters)
      for (Counter& counter : set) counter.taken.store(0, std::memory_order_relaxed);
  }

  const int size;
  alignas(64) std::atomic<int> arrived{0};
  alignas(64) std::atomic<uint32_t> phase{0};  // counts barriers passed
  // How many pieces of each thread's share are taken. Two sets, used in turn: while one hands out, the
  // other one, which nobody reads, is put back to 0.
  struct alignas(64) Counter {
    std::atomic<size_t> taken{0};
  };
  std::vector<Counter> counters[2];
};

int Team::rank() const { return rank_; }

int Team::size() const { return shared_->size; }

void Team::barrier() {
  if (shared_->size == 1) return;
  const uint32_t phase = shared_->phase.load(std::memory_order_relaxed);
  if (shared_->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == shared_->size) {
    shared_->arrived.store(0, std::memory_order_relaxed);
    shared_->phase.store(phase + 1, std::memory_order_release);
    shared_->phase.notify_all();
  } else {
    wait_while(shared_->phase, phase);
  }
}

void Team::each(size_t n, size_t chunk, const std::function<void(size_t, size_t)>& f) {
  chunk = std::max<size_t>(chunk, 1);
  const size_t pieces = (n + chunk - 1) / chunk, threads = shared_->size;
  auto& counters = shared_->counters[turn_ % 2];
  shared_->counters[(turn_ + 1) % 2][rank_].taken.store(0, std::memory_order_relaxed);
  ++turn_;
  for (size_t i = 0; i < threads; ++i) {
    const size_t owner = (rank_ + i) % threads;
    const size_t first = pieces * owner / threads, last = pieces * (owner + 1) / threads;
    for (;;) {
      const size_t piece = first + counters[owner].taken.fetch_add(1, std::memory_order_relaxed);
      if (piece >= last) break;
      f(piece * chunk, std::min((piece + 1) * chunk, n));
    }
  }
  barrier();
}

struct Pool::State {
  explicit State(int threads) : shared(threads) {}

  // One region, as thread `rank` sees it.
  void take_part(int rank) noexcept {
    Team team(&shared, rank);
    (*region)(team);
    team.barrier();
  }

  void work(int rank) {
    for (uint32_t seen = 0;;) {
      wait_while(epoch, seen);
      ++seen;
      if (region == nullptr) return;
      take_part(rank);
    }
  }

  void start(const std::function<void(Team&)>* f) {
    region = f;
    shared.reset();
    epoch.fetch_add(1, std::memory_order_release);
    epoch.notify_all();
  }

  Team::Shared shared;
  Team::Shared alone{1};
  alignas(64) std::atomic<uint32_t> epoch{0};          // counts regions started
  const std::function<void(Team&)>* region = nullptr;  // null: the threads are to end
  std::vector<std::thread> threads;
};

Pool::Pool(int threads) : state_(std::make_unique<State>(std::max(threads, 1))) {
  for (int rank = 1; rank < state_->shared.size; ++rank)
    state_->threads.emplace_back([state = state_.get(), rank] { state->work(rank); });
}

Pool::~Pool() {
  state_->start(nullptr);
  for (std::thread& thread : state_->threads) thread.join();
}

int Pool::size() const { return state_->shared.size; }

void Pool::run(const std::function<void(Team&)>& f) {
  state_->start(&f);
  state_->take_part(0);
}

void Pool::run_alone(const std::function<void(Team&)>& f) {
  state_->alone.reset();
  Team team(&state_->alone, 0);
  f(team);
}

}  // namespace ossay
