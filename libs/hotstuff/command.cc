#include "hotstuff/command.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::hotstuff {

Bytes EncodeCommands(const std::vector<Command>& commands) {
  ByteWriter writer;
  for (const Command& command : commands) {
    writer.U64(command.key.client.value())
        .U64(command.key.sequence.value())
        .U32(static_cast<uint32_t>(command.payload.size()))
        .Raw(command.payload);
  }
  return writer.Take();
}

size_t EncodedSize(const std::vector<Command>& commands) {
  size_t size = 0;
  for (const Command& command : commands) size += command.EncodedSize();
  return size;
}

absl::StatusOr<std::vector<Command>> DecodeCommands(ByteView bytes, size_t count,
                                                    const CommandBounds& bounds) {
  if (count > bounds.max_count) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " commands, want at most ", bounds.max_count));
  }
  if (bytes.size() > bounds.max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("commands of ", bytes.size(), " bytes, want at most ", bounds.max_bytes));
  }
  if (bytes.size() < count * Command::kOverheadBytes) {
    return absl::InvalidArgumentError(absl::StrCat(count, " commands in ", bytes.size(),
                                                   " bytes, want at least ",
                                                   count * Command::kOverheadBytes));
  }
  ByteReader reader(bytes);
  std::vector<Command> commands(count);
  for (Command& command : commands) {
    command.key.client = ClientId(reader.U64());
    command.key.sequence = Sequence(reader.U64());
    const ByteView payload = reader.Raw(reader.U32());
    command.payload.assign(payload.begin(), payload.end());
  }
  GROAT_RETURN_IF_ERROR(reader.Finish("commands"));
  return commands;
}

}  // namespace groat::hotstuff
