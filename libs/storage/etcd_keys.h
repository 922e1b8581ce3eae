// How the register's keys lie in etcd: "<prefix>data/<key>" and "<prefix>read-fence". Pure.
#ifndef GROAT_STORAGE_ETCD_KEYS_H_
#define GROAT_STORAGE_ETCD_KEYS_H_

#include <string>
#include <string_view>

#include "storage/etcd/rpc.pb.h"
#include "storage/register.h"

namespace groat::storage {

class EtcdKeys {
 public:
  explicit EtcdKeys(std::string_view prefix)
      : data_(std::string(prefix) + "data/"), fence_(std::string(prefix) + "read-fence") {}

  const std::string& fence() const { return fence_; }
  std::string ToEtcd(std::string_view key) const { return data_ + std::string(key); }
  // The bounds of the range in etcd's words: an end is always given, since all keys end somewhere.
  KeyRange ToEtcd(const KeyRange& range) const {
    return {ToEtcd(range.begin),
            range.end.empty() ? KeyRange::Prefix(data_).end : ToEtcd(range.end)};
  }
  // `pair` lies under data/.
  KeyValue FromEtcd(const mvccpb::KeyValue& pair) const {
    return {pair.key().substr(data_.size()), pair.value(), pair.create_revision(),
            pair.mod_revision()};
  }

 private:
  const std::string data_;
  const std::string fence_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_KEYS_H_
