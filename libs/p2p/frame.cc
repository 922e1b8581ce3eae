#include "p2p/frame.h"

#include "absl/strings/str_cat.h"

namespace groat::p2p {

void AppendEntry(const Entry& entry, Bytes& frame) {
  const size_t at = frame.size();
  frame.resize(at + kEntryHeaderBytes);
  StoreBigEndian(entry.channel.value(), &frame[at], 2);
  frame[at + 2] = entry.flags;
  StoreBigEndian(entry.body.size(), &frame[at + 3], 4);
  frame.insert(frame.end(), entry.body.begin(), entry.body.end());
}

absl::StatusOr<Entry> FrameReader::Next() {
  if (rest_.size() < kEntryHeaderBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry header is ", rest_.size(), " bytes, want ", kEntryHeaderBytes));
  }
  Entry entry;
  entry.channel = ChannelId(static_cast<uint16_t>(LoadBigEndian(&rest_[0], 2)));
  entry.flags = rest_[2];
  if ((entry.flags & ~(kCompressedFlag | kMoreFollowsFlag)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry flags are ", int{entry.flags}, ", want 0 to 3"));
  }
  const uint64_t length = LoadBigEndian(&rest_[3], 4);
  rest_ = rest_.subspan(kEntryHeaderBytes);
  if (length > rest_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry is ", length, " bytes, the frame has ", rest_.size(), " left"));
  }
  entry.body = rest_.first(length);
  rest_ = rest_.subspan(length);
  return entry;
}

}  // namespace groat::p2p
