// A queue in one piece of memory that takes none while it is empty.
//
// std::deque takes over half a kilobyte when empty, and a mesh of n peers has n x channels queues.
// Single owner; not thread-safe.
#ifndef GROAT_P2P_FIFO_H_
#define GROAT_P2P_FIFO_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace groat::p2p {

template <typename T>
class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  // Only if not empty.
  T& front() { return items_[head_]; }
  void push(T item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_[head_]);
    ++head_;
    if (head_ == items_.size()) {
      items_.clear();
      head_ = 0;
      // What a burst took is given back; a short queue keeps its memory.
      if (items_.capacity() > kKept) items_.shrink_to_fit();
    } else if (head_ >= kKept && head_ * 2 >= items_.size()) {
      // Moving the rest up costs one step for each item that was taken since.
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    return item;
  }
  // For each item that waits, oldest first.
  auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const { return items_.end(); }

 private:
  static constexpr size_t kKept = 64;
  std::vector<T> items_;
  size_t head_ = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_FIFO_H_
