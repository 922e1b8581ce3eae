// One submission on its way: from a request to the engine and back to its answer.
//
// Thread-safe.
#ifndef GROAT_SERVICES_RELAY_SUBMIT_CALL_H_
#define GROAT_SERVICES_RELAY_SUBMIT_CALL_H_

#include <functional>

#include "services/relay/relay_service.h"

namespace groat::relay_service {

using SubmitDone = std::function<void(absl::StatusOr<relay::v1::SubmitUpdatesResponse>)>;

// Checks the request and gives it to the engine; an error means that nothing was taken and that
// `done` will not be called. Otherwise `done` is called once, on a worker thread.
absl::Status BeginSubmit(const Relay& relay, const relay::v1::SubmitUpdatesRequest& request,
                         SubmitDone done);

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_SUBMIT_CALL_H_
