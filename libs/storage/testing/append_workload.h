// Clients that append to and read one list in a register, recorded in a history. Tests only.
#ifndef GROAT_STORAGE_TESTING_APPEND_WORKLOAD_H_
#define GROAT_STORAGE_TESTING_APPEND_WORKLOAD_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "storage/register.h"
#include "storage/testing/append_history.h"

namespace groat::storage::testing {

// The list under the key "list": numbers of 4 bytes, big-endian.
std::vector<uint32_t> DecodeNumbers(std::string_view value);

struct AppendWorkload {
  int clients = 1;
  int appends = 1;  // Per client. An append of unknown outcome counts and is not repeated.
  // Called now and then with the count of finished appends; may be empty.
  std::function<void(int)> on_progress = nullptr;
};

// Each client has its own thread and uses registers[client % size]. Appends and reads alternate; a
// last read by the first register ends the history. Returns when all is done.
void RunAppendWorkload(const std::vector<Register*>& registers, const AppendWorkload& workload,
                       AppendHistory& history);

}  // namespace groat::storage::testing

#endif  // GROAT_STORAGE_TESTING_APPEND_WORKLOAD_H_
