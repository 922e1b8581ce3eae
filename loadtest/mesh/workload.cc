#include "loadtest/mesh/workload.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/check.h"

namespace groat::load {
namespace {

constexpr size_t kPingBytes = 500;

std::string LatencyText(const telemetry::LatencyHistogram& ns) {
  const auto us = [](uint64_t value) { return static_cast<double>(value) / 1e3; };
  return absl::StrFormat("%.1f %.1f %.1f", us(ns.Quantile(0.5)), us(ns.Quantile(0.99)),
                         us(ns.max()));
}

}  // namespace

bool Workload::Begin(const std::vector<std::string>& command, size_t peers) {
  const auto number = [&](size_t i) { return std::stoull(command.at(i)); };
  const std::string& name = command.at(0);
  latency_ns_ = {};
  answers_ = 0;
  if (name == "echo") {
    answers_wanted_ = peers;
    rounds_left_ = number(1);
    warm_up_left_ = rounds_left_ / 10;
    message_.assign(number(2), uint8_t{kQuestion});
    begin_next_ = [this] { BeginRound(); };
    end_ = [this] { EndEcho(); };
    BeginRound();
  } else if (name == "stream") {
    peer_ = number(1);
    stream_left_ = stream_messages_ = number(2);
    message_.assign(number(3), uint8_t{kStreamed});
    began_ns_ = MonotonicNs();
    PumpStream();
  } else if (name == "ping") {
    peer_ = number(1);
    answers_wanted_ = 1;
    rounds_left_ = number(2);
    warm_up_left_ = rounds_left_ / 10;
    interval_ns_ = static_cast<int64_t>(number(3)) * 1000;
    message_.assign(kPingBytes, uint8_t{kQuestion});
    begin_next_ = [this] {
      if (interval_ns_ == 0) {
        BeginPing();
      } else {
        links_.After(std::chrono::nanoseconds(interval_ns_), [this] { BeginPing(); });
      }
    };
    end_ = [this] { EndPing(); };
    bulk_.assign(number(4), uint8_t{kBulk});
    bulk_began_ns_ = MonotonicNs();
    bulk_sent_ = 0;
    PumpBulk();
    BeginPing();
  } else {
    return false;
  }
  return true;
}

void Workload::OnMessage(size_t peer, ByteView message) {
  switch (message[0]) {
    case kQuestion: {
      Bytes answer(message.begin(), message.end());
      answer[0] = kAnswer;
      GROAT_CHECK(links_.Send(peer, Lane::kUrgent, answer));
      break;
    }
    case kAnswer:
      OnAnswer();
      break;
    case kLastStreamed: {
      const uint8_t confirmed = kConfirmed;
      GROAT_CHECK(links_.Send(peer, Lane::kUrgent, ByteView(&confirmed, 1)));
      break;
    }
    case kConfirmed:
      Report(absl::StrFormat("done %.0f", static_cast<double>(stream_messages_) * 1e9 /
                                              static_cast<double>(MonotonicNs() - began_ns_)));
      break;
    default:  // Streamed and bulk messages end here.
      break;
  }
}

void Workload::OnRoom(size_t peer) {
  if (peer != peer_) return;
  if (stream_left_ > 0) PumpStream();
  if (!bulk_.empty()) PumpBulk();
}

void Workload::BeginRound() {
  began_ns_ = MonotonicNs();
  answers_ = 0;
  links_.Broadcast(message_);
}

void Workload::OnAnswer() {
  if (++answers_ != answers_wanted_) return;
  if (warm_up_left_ > 0) {
    --warm_up_left_;
    begin_next_();
    return;
  }
  latency_ns_.Record(static_cast<uint64_t>(MonotonicNs() - began_ns_));
  if (--rounds_left_ > 0) {
    begin_next_();
  } else {
    end_();
  }
}

void Workload::EndEcho() { Report("done " + LatencyText(latency_ns_)); }

void Workload::PumpStream() {
  while (stream_left_ > 1) {
    if (!links_.Send(peer_, Lane::kStream, message_)) return;
    --stream_left_;
  }
  message_[0] = kLastStreamed;
  if (links_.Send(peer_, Lane::kStream, message_)) stream_left_ = 0;
}

void Workload::PumpBulk() {
  if (bulk_.empty()) return;
  while (links_.Send(peer_, Lane::kBulk, bulk_)) bulk_sent_ += bulk_.size();
}

void Workload::BeginPing() {
  began_ns_ = MonotonicNs();
  answers_ = 0;
  GROAT_CHECK(links_.Send(peer_, Lane::kUrgent, message_));
}

void Workload::EndPing() {
  const double bulk_rate =
      static_cast<double>(bulk_sent_) * 1e9 / static_cast<double>(MonotonicNs() - bulk_began_ns_);
  bulk_.clear();
  Report(absl::StrFormat("done %s %.0f", LatencyText(latency_ns_), bulk_rate));
}

}  // namespace groat::load
