#include "telemetry/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status_matchers.h"
#include "telemetry/process_metrics.h"

namespace groat::telemetry {
namespace {

using ::groat::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string HttpGet(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    EXPECT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t size; (size = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(size));
    }
  }
  close(fd);
  return answer;
}

TEST(MetricNameTest, TheRule) {
  struct Case {
    const char* name;
    MetricKind kind;
    const char* message;  // Empty: valid.
  };
  const Case cases[] = {
      {"groat_relay_accepted_updates_total", MetricKind::kCounter, ""},
      {"groat_relay_log_written_bytes_total", MetricKind::kCounter, ""},
      {"groat_relay_trie_leaves", MetricKind::kGauge, ""},
      {"groat_relay_cycle_seconds", MetricKind::kHistogram, ""},
      {"groat_relay_accepted_updates", MetricKind::kCounter, "want `_total`"},
      {"groat_relay_trie_leaves_total", MetricKind::kGauge, "want `_total`"},
      {"groat_relay_cycle_seconds_total", MetricKind::kHistogram, "want `_total`"},
      {"groat_ledger_trie_leaves", MetricKind::kGauge, "want groat_relay_<thing>_<unit>"},
      {"relay_trie_leaves", MetricKind::kGauge, "want groat_relay_"},
      {"groat_relay_seconds", MetricKind::kGauge, "want groat_relay_<thing>_<unit>"},
      {"groat_relay_updates_total", MetricKind::kCounter, "want groat_relay_<thing>_<unit>_total"},
      {"groat_relay_cycle_ms", MetricKind::kHistogram, "base unit"},
      {"groat_relay_log_mib_total", MetricKind::kCounter, "base unit"},
      {"groat_relay_Trie_leaves", MetricKind::kGauge, "lower-case"},
      {"groat_relay__trie_leaves", MetricKind::kGauge, "lower-case"},
      {"groat_relay_trie_leaves_", MetricKind::kGauge, "lower-case"},
      {"groat-relay-trie-leaves", MetricKind::kGauge, "lower-case"},
      {"", MetricKind::kGauge, "lower-case"},
  };
  for (const Case& c : cases) {
    const absl::Status status = CheckMetricName("relay", c.name, c.kind);
    if (*c.message == '\0') {
      GROAT_EXPECT_OK(status);
    } else {
      EXPECT_THAT(status, StatusIs(kInvalid, AllOf(HasSubstr(c.message), HasSubstr(c.name))));
    }
  }
}

TEST(MetricsTest, AWrongNameStopsTheProgram) {
  Metrics metrics("relay");
  EXPECT_DEATH(metrics.Counter("groat_relay_updates", ""), "groat_relay_updates");
  EXPECT_DEATH(metrics.Histogram("groat_relay_cycle_seconds", "", {1, 1}), "must rise");
}

TEST(MetricsTest, ServesThePage) {
  Metrics metrics("relay");
  metrics.Counter("groat_relay_accepted_updates_total", "Updates.", {{"mode", "direct"}})
      .Increment(3);
  metrics.Counter("groat_relay_accepted_updates_total", "Updates.", {{"mode", "direct"}})
      .Increment(4);
  metrics.Gauge("groat_relay_trie_leaves", "Leaves.").Set(12);
  metrics.Histogram("groat_relay_cycle_seconds", "Cycle.", LatencyBoundsSeconds()).Observe(0.003);
  GROAT_ASSERT_OK_AND_ASSIGN(const auto server, MetricsServer::Start("127.0.0.1:0", metrics));
  ASSERT_GT(server->port(), 0);
  const std::string page = HttpGet(server->port(), "/metrics");
  EXPECT_THAT(page, HasSubstr("200 OK"));
  EXPECT_THAT(page, HasSubstr("groat_relay_accepted_updates_total{mode=\"direct\"} 7"));
  EXPECT_THAT(page, HasSubstr("groat_relay_trie_leaves 12"));
  EXPECT_THAT(page, HasSubstr("groat_relay_cycle_seconds_bucket{le=\"0.005\"} 1"));
  EXPECT_THAT(page, HasSubstr("groat_relay_cycle_seconds_bucket{le=\"0.0025\"} 0"));
  for (const char* name : {"process_resident_memory_bytes", "process_cpu_seconds_total",
                           "process_open_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(page, HasSubstr(std::string("\n") + name + " "));
  }
  EXPECT_THAT(HttpGet(server->port(), "/other"), HasSubstr("404"));
}

TEST(MetricsTest, AnAddressThatCannotBe) {
  const Metrics metrics("relay");
  for (const char* address :
       {"", "9101", ":9101", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:80,127.0.0.1:81", "127.0.0.1:80s", "localhost:80"}) {
    EXPECT_THAT(MetricsServer::Start(address, metrics), StatusIs(kInvalid, HasSubstr(address)))
        << address;
  }
  GROAT_ASSERT_OK_AND_ASSIGN(const auto server, MetricsServer::Start("127.0.0.1:0", metrics));
  const std::string taken = "127.0.0.1:" + std::to_string(server->port());
  EXPECT_THAT(MetricsServer::Start(taken, metrics),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(taken)));
}

TEST(MetricsTest, Bounds) { EXPECT_THAT(ExponentialBounds(2, 4, 4), ElementsAre(2, 8, 32, 128)); }

TEST(ProcessMetricsTest, ParsesStat) {
  const std::string stat =
      "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 1000 20 30 21 22 23\n";
  const auto statistics = ParseProcessStat(stat, 100, 4096);
  ASSERT_TRUE(statistics.has_value());
  EXPECT_DOUBLE_EQ(statistics->cpu_seconds, 2);
  EXPECT_DOUBLE_EQ(statistics->start_after_boot_seconds, 10);
  EXPECT_DOUBLE_EQ(statistics->resident_memory_bytes, 30 * 4096);
  for (const char* bad : {"", "12 (a", "12 (a) S 1 2",
                          "12 (a) S 1 2 3 4 5 6 7 8 9 10 x 50 13 14 "
                          "15 16 17 18 1000 20 30"}) {
    EXPECT_FALSE(ParseProcessStat(bad, 100, 4096).has_value()) << bad;
  }
}

TEST(ProcessMetricsTest, ValuesMakeSense) {
  double memory = 0, start = 0, files = 0;
  for (const auto& family : ProcessMetrics().Collect()) {
    const double value = family.metric.at(0).gauge.value;
    if (family.name == "process_resident_memory_bytes") memory = value;
    if (family.name == "process_start_time_seconds") start = value;
    if (family.name == "process_open_fds") files = value;
  }
  EXPECT_GT(memory, 1e6);
  EXPECT_NEAR(start, static_cast<double>(time(nullptr)), 3600);
  EXPECT_GE(files, 3);
}

}  // namespace
}  // namespace groat::telemetry
