// Digests of the certificates that were found right, so that none is verified twice.
//
// Pure; single owner, not thread-safe. Bounded: the oldest digest makes room.
#ifndef GROAT_HOTSTUFF_CERTIFICATE_CACHE_H_
#define GROAT_HOTSTUFF_CERTIFICATE_CACHE_H_

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "hotstuff/ids.h"

namespace groat::hotstuff {

class CertificateCache {
 public:
  explicit CertificateCache(size_t capacity) : ring_(capacity) {}

  bool Contains(const Hash& hash) const { return known_.contains(hash); }
  void Insert(const Hash& hash) {
    if (!known_.insert(hash).second) return;
    if (known_.size() > ring_.size()) known_.erase(ring_[next_]);
    ring_[next_] = hash;
    next_ = (next_ + 1) % ring_.size();
  }
  size_t size() const { return known_.size(); }

 private:
  absl::flat_hash_set<Hash> known_;
  std::vector<Hash> ring_;
  size_t next_ = 0;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_CERTIFICATE_CACHE_H_
