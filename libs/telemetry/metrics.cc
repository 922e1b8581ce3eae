#include "telemetry/metrics.h"

#include <netdb.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "telemetry/process_metrics.h"

namespace groat::telemetry {
namespace {

constexpr char kPage[] = "/metrics";
constexpr size_t kHttpThreads = 2;

// Prometheus has base units only, so that no dashboard has to guess a factor.
constexpr absl::string_view kOtherUnits[] = {
    "ms",           "us",           "ns",          "msec",    "usec",  "sec",    "s",
    "min",          "kb",           "kib",         "mb",      "mib",   "gb",     "gib",
    "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "percent"};

bool IsWord(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

}  // namespace

absl::Status CheckMetricName(std::string_view service, std::string_view name, MetricKind kind) {
  const auto bad = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat("metric `", std::string(name), "`: ", reason));
  };
  std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(name.data(), name.size()), '_');
  if (!std::all_of(words.begin(), words.end(), IsWord)) {
    return bad("want lower-case words joined by single `_`");
  }
  const bool total = words.back() == "total";
  if (total) words.pop_back();
  if (total != (kind == MetricKind::kCounter)) {
    return bad("want `_total` at the end of counters and only there");
  }
  if (words.size() < 4 || words[0] != "groat" ||
      words[1] != absl::string_view(service.data(), service.size())) {
    return bad(absl::StrCat("want groat_", std::string(service), "_<thing>_<unit>",
                            kind == MetricKind::kCounter ? "_total" : ""));
  }
  if (std::count(std::begin(kOtherUnits), std::end(kOtherUnits), words.back()) != 0) {
    return bad("want a base unit: seconds, bytes, ratio, or a plain noun");
  }
  return absl::OkStatus();
}

Metrics::Metrics(std::string service)
    : service_(std::move(service)),
      registry_(
          std::make_shared<prometheus::Registry>(prometheus::Registry::InsertBehavior::Merge)),
      process_(std::make_shared<ProcessMetrics>()) {}

void Metrics::CheckName(const std::string& name, MetricKind kind) const {
  GROAT_CHECK_OK(CheckMetricName(service_, name, kind));
}

prometheus::Counter& Metrics::Counter(const std::string& name, const std::string& help,
                                      const MetricLabels& labels) {
  CheckName(name, MetricKind::kCounter);
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Gauge& Metrics::Gauge(const std::string& name, const std::string& help,
                                  const MetricLabels& labels) {
  CheckName(name, MetricKind::kGauge);
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Histogram& Metrics::Histogram(const std::string& name, const std::string& help,
                                          const std::vector<double>& bounds,
                                          const MetricLabels& labels) {
  CheckName(name, MetricKind::kHistogram);
  GROAT_CHECK(std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()) ==
              bounds.end())
      << name << ": bounds must rise";
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(*registry_)
      .Add(labels, bounds);
}

const std::vector<double>& LatencyBoundsSeconds() {
  static const std::vector<double> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                             0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                             1.0,    2.5,     5.0,    10.0};
  return bounds;
}

std::vector<double> ExponentialBounds(double start, double factor, size_t count) {
  GROAT_CHECK(start > 0 && factor > 1);
  std::vector<double> bounds;
  for (double bound = start; bounds.size() < count; bound *= factor) bounds.push_back(bound);
  return bounds;
}

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, std::string host)
    : exposer_(std::move(exposer)),
      host_(std::move(host)),
      port_(exposer_->GetListeningPorts().at(0)) {}

// The HTTP library looks every two seconds whether it should stop, or when somebody connects.
MetricsServer::~MetricsServer() {
  std::promise<void> stopped;
  std::thread stop([&] {
    exposer_.reset();
    stopped.set_value();
  });
  const std::future<void> future = stopped.get_future();
  do {
    Knock();
  } while (future.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready);
  stop.join();
}

void MetricsServer::Knock() const {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* address = nullptr;
  if (getaddrinfo(host_.c_str(), std::to_string(port_).c_str(), &hints, &address) != 0) return;
  const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    // Whether it is taken does not matter: the next knock is near.
    static_cast<void>(connect(fd, address->ai_addr, address->ai_addrlen));
    close(fd);
  }
  freeaddrinfo(address);
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const Metrics& metrics) {
  const size_t colon = address.rfind(':');
  int port = -1;
  // The HTTP library would take further forms, such as lists and port suffixes, as instructions.
  const bool valid = colon != std::string::npos && colon > 0 &&
                     absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) &&
                     port >= 0 && port <= 65535 &&
                     address.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string::npos;
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("metrics address `", address, "`, want a numeric host:port"));
  }
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(address, kHttpThreads);
    exposer->RegisterCollectable(metrics.registry_, kPage);
    exposer->RegisterCollectable(metrics.process_, kPage);
    for (const auto& collectable : metrics.collectables_) {
      exposer->RegisterCollectable(collectable, kPage);
    }
    std::string host = address.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(exposer), std::move(host)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("metrics address ", address, " cannot be bound: ", error.what()));
  }
}

}  // namespace groat::telemetry
