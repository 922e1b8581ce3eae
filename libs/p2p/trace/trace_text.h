// Trace records for people.
//
// Pure.
#ifndef GROAT_P2P_TRACE_TRACE_TEXT_H_
#define GROAT_P2P_TRACE_TRACE_TEXT_H_

#include <string>

#include "p2p/trace/trace_record.h"

namespace groat::p2p {

// One field's value, without its name. Peers by their short names, long payloads cut.
std::string TraceFieldText(const TraceRecord& record, TraceField field);

enum class TraceAnswers { kWith, kWithout };
// "send channel=1 recipients=all payload=5:68656c6c6f queued=[0a0b0c0d]".
std::string TraceRecordText(const TraceRecord& record, TraceAnswers answers);

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACE_TEXT_H_
