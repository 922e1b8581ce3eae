// Exit statuses of the services; the numbers are those of <sysexits.h>. The command line has fewer,
// since its user asks a question (tools/groat/commands/shell.h).
#ifndef GROAT_CONFIG_EXIT_STATUS_H_
#define GROAT_CONFIG_EXIT_STATUS_H_

namespace groat::config {

enum ExitStatus : int {
  kExitOk = 0,            // Asked to stop, or the task is done.
  kExitFailure = 1,       // The answer is no: a proof that does not verify, a check that fails.
  kExitUsage = 64,        // Wrong flags or arguments.
  kExitData = 65,         // Input data is damaged or of another format, version or network.
  kExitUnavailable = 69,  // Another service or an address is not available.
  kExitSoftware = 70,     // A fault of the program.
  kExitIo = 74,           // Reading or writing a file failed.
  kExitPermission = 77,   // No permission, or a secret that others can read.
  kExitConfig = 78,       // Wrong configuration in the file or the environment.
};

}  // namespace groat::config

#endif  // GROAT_CONFIG_EXIT_STATUS_H_
