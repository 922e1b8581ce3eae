// Any bytes as a trace record: an error, or a record that is encoded as the same bytes again.
#include "base/check.h"
#include "p2p/trace/trace_record.h"
#include "p2p/trace/trace_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace groat::p2p;
  TraceDecoder decoder;
  TraceRecord record;
  if (!decoder.Decode({data, size}, record).ok()) return 0;
  groat::Bytes again;
  GROAT_CHECK(EncodeTraceRecord(record, again));
  GROAT_CHECK(again == groat::Bytes(data, data + size));
  GROAT_CHECK(!FirstDifference(record, record).has_value());
  GROAT_CHECK(!TraceRecordText(record, TraceAnswers::kWith).empty());
  return 0;
}
