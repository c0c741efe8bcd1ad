// A small pool of threads that work as one team. Knows nothing of matrices.
//
// A region (`run`) starts every thread on the same function; inside, `each` hands out an index range
// and `barrier` waits for all. Between regions the threads spin for some microseconds, then sleep on
// a futex: an idle engine costs no CPU.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace ossay {

class Team;

class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int size() const;
  // Runs f on every thread, this one too (rank 0); returns when all are done. One region at a time;
  // an exception thrown by f is a bug (terminates).
  void run(const std::function<void(Team&)>& f);
  // Runs f as a team of one, on this thread: for work that is done before another thread wakes.
  void run_alone(const std::function<void(Team&)>& f);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What a thread of a region sees. All threads call the same members in the same order.
class Team {
 public:
  int rank() const;
  int size() const;
  void barrier();
  // Hands out [0, n) in pieces of `chunk`, calls f(begin, end), and ends in a barrier: what f wrote is
  // visible to all afterwards. A thread takes its own share in ascending order, so that it streams
  // through memory, and then what is left of the others'.
  void each(size_t n, size_t chunk, const std::function<void(size_t, size_t)>& f);

  struct Shared;
  Team(Shared* shared, int rank) : shared_(shared), rank_(rank) {}

 private:
  Shared* shared_;
  int rank_;
  unsigned turn_ = 0;  // calls of `each` so far: picks the counters that hand out
};

}  // namespace ossay
