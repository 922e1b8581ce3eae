#include "loadtest/mesh/bare_node.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "loadtest/mesh/links.h"
#include "loadtest/mesh/tls_link.h"
#include "loadtest/mesh/workload.h"

namespace groat::load {
namespace {

// Of one connection in one turn of the loop, so that others get theirs.
constexpr size_t kTurnBytes = size_t{64} << 10;
// What may wait for a peer before messages are refused.
constexpr size_t kStreamBacklogBytes = size_t{256} << 10;
constexpr size_t kBulkBacklogBytes = size_t{8} << 20;
constexpr int kEventsAtOnce = 128;

class BareNode final : public Links {
 public:
  BareNode(size_t self, size_t nodes)
      : self_(self),
        key_(NodeKey(self)),
        keys_(KeysOf(nodes)),
        context_(MakeTlsContext(key_, keys_)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        workload_(*this) {
    peers_.resize(nodes);
    GROAT_CHECK(epoll_ >= 0);
    Watch(STDIN_FILENO, nullptr);
  }

  void Run();

  void Broadcast(ByteView message) override {
    for (Peer& peer : peers_) {
      if (peer.lanes[0] != nullptr) Enqueue(*peer.lanes[0], message);
    }
  }
  bool Send(size_t peer, Lane lane, ByteView message) override;
  void After(std::chrono::nanoseconds delay, std::function<void()> task) override {
    timers_.emplace(MonotonicNs() + delay.count(), std::move(task));
  }

 private:
  struct Socket {
    std::unique_ptr<TlsLink> link;  // Null: the one that listens.
    int fd = -1;
    size_t peer = 0;
    size_t lane = 0;
    bool dialled = false;
    bool greeted = false;  // It is known whose it is.
    bool handshaken = false;
    bool wants_room = false;
    bool dirty = false;
    bool writable_watched = false;
    bool unread = false;
  };
  struct Peer {
    std::array<Socket*, 2> lanes = {};
  };

  static std::vector<Ed25519PublicKey> KeysOf(size_t nodes) {
    std::vector<Ed25519PublicKey> keys;
    for (size_t i = 0; i < nodes; ++i) keys.push_back(NodeKey(i).public_key());
    return keys;
  }
  void Watch(int fd, Socket* socket) const;
  void WatchWritable(Socket& socket, bool writable) const;
  void Listen();
  void Dial(size_t peer, const std::string& address);
  void Accept();
  void OnInput();
  void OnCommand(const std::string& line);
  void OnSocket(Socket& socket, uint32_t events);
  void Advance(Socket& socket);
  void ReadFrom(Socket& socket);
  void OnMessage(Socket& socket, ByteView message);
  void Enqueue(Socket& socket, ByteView message);
  void FlushDirty();
  void RunTimers();

  const size_t self_;
  const Ed25519PrivateKey key_;
  const std::vector<Ed25519PublicKey> keys_;
  const SslContextPtr context_;
  const int epoll_;
  Workload workload_;
  bool running_ = true;
  std::string input_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<Peer> peers_;
  std::vector<Socket*> dirty_;
  std::vector<Socket*> unread_;  // Sockets whose link holds more than it has handed on.
  std::multimap<int64_t, std::function<void()>> timers_;
};

void BareNode::Watch(int fd, Socket* socket) const {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = socket;
  GROAT_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) << std::strerror(errno);
}

void BareNode::WatchWritable(Socket& socket, bool writable) const {
  if (socket.writable_watched == writable) return;
  socket.writable_watched = writable;
  epoll_event event = {};
  event.events = writable ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &socket;
  GROAT_CHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd, &event) == 0) << std::strerror(errno);
}

void BareNode::Listen() {
  auto socket = std::make_unique<Socket>();
  socket->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  GROAT_CHECK(bind(socket->fd, raw, size) == 0 && listen(socket->fd, SOMAXCONN) == 0 &&
              getsockname(socket->fd, raw, &size) == 0)
      << std::strerror(errno);
  Watch(socket->fd, socket.get());
  sockets_.push_back(std::move(socket));
  Report(absl::StrCat("listening 127.0.0.1:", ntohs(address.sin_port)));
}

void BareNode::Dial(size_t peer, const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(std::stoul(parts.at(1))));
  for (size_t lane = 0; lane < 2; ++lane) {
    auto socket = std::make_unique<Socket>();
    socket->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socket->peer = peer;
    socket->lane = lane;
    socket->dialled = true;
    GROAT_CHECK(connect(socket->fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0 ||
                errno == EINPROGRESS)
        << std::strerror(errno);
    socket->link = std::make_unique<TlsLink>(*context_, socket->fd, /*dialled=*/true);
    Watch(socket->fd, socket.get());
    // The handshake begins once the socket is connected.
    WatchWritable(*socket, true);
    sockets_.push_back(std::move(socket));
  }
}

void BareNode::Accept() {
  const int fd = accept4(sockets_[0]->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  auto socket = std::make_unique<Socket>();
  socket->fd = fd;
  socket->link = std::make_unique<TlsLink>(*context_, fd, /*dialled=*/false);
  Watch(fd, socket.get());
  sockets_.push_back(std::move(socket));
}

// Handshake, then the greeting: the dialler says who it is and which lane this is, and the other
// side says it back.
void BareNode::Advance(Socket& socket) {
  if (!socket.link->Handshake()) {
    WatchWritable(socket, false);
    return;
  }
  socket.handshaken = true;
  WatchWritable(socket, false);
  if (!socket.dialled) return;
  ByteWriter greeting;
  greeting.U32(static_cast<uint32_t>(self_)).U8(static_cast<uint8_t>(socket.lane));
  Enqueue(socket, greeting.bytes());
}

void BareNode::OnMessage(Socket& socket, ByteView message) {
  if (socket.greeted) {
    workload_.OnMessage(socket.peer, message);
    return;
  }
  ByteReader reader(message);
  const size_t peer = reader.U32();
  const size_t lane = reader.U8();
  GROAT_CHECK(reader.Finish("greeting").ok() && peer < peers_.size() && lane < 2);
  socket.greeted = true;
  if (socket.dialled) {
    peers_[socket.peer].lanes[socket.lane] = &socket;
    const auto& lanes = peers_[socket.peer].lanes;
    if (lanes[0] != nullptr && lanes[1] != nullptr) Report("connected");
    return;
  }
  socket.peer = peer;
  socket.lane = lane;
  peers_[peer].lanes[lane] = &socket;
  ByteWriter greeting;
  greeting.U32(static_cast<uint32_t>(self_)).U8(static_cast<uint8_t>(lane));
  Enqueue(socket, greeting.bytes());
}

void BareNode::Enqueue(Socket& socket, ByteView message) {
  socket.link->Queue(message);
  if (socket.dirty) return;
  socket.dirty = true;
  dirty_.push_back(&socket);
}

bool BareNode::Send(size_t peer, Lane lane, ByteView message) {
  Socket& socket = *peers_[peer].lanes[lane == Lane::kBulk ? 1 : 0];
  const size_t waiting = socket.link->waiting_bytes();
  const bool full = (lane == Lane::kStream && waiting >= kStreamBacklogBytes) ||
                    (lane == Lane::kBulk && waiting >= kBulkBacklogBytes);
  if (full) {
    socket.wants_room = true;
  } else {
    Enqueue(socket, message);
  }
  return !full;
}

// A lone message leaves here, at the end of the turn in which it was queued.
void BareNode::FlushDirty() {
  std::vector<Socket*> dirty;
  dirty.swap(dirty_);
  for (Socket* socket : dirty) {
    socket->dirty = false;
    WatchWritable(*socket, !socket->link->Flush(kTurnBytes));
  }
}

void BareNode::ReadFrom(Socket& socket) {
  const bool more =
      socket.link->Read(kTurnBytes, [&](ByteView message) { OnMessage(socket, message); });
  if (!more || socket.unread) return;
  socket.unread = true;
  unread_.push_back(&socket);
}

void BareNode::OnSocket(Socket& socket, uint32_t events) {
  if (socket.link == nullptr) {
    Accept();
    return;
  }
  if (!socket.handshaken) {
    Advance(socket);
    if (!socket.handshaken) return;
  }
  if ((events & EPOLLOUT) != 0) {
    WatchWritable(socket, !socket.link->Flush(kTurnBytes));
    const size_t enough = socket.lane == 1 ? kBulkBacklogBytes / 2 : kStreamBacklogBytes / 2;
    if (socket.wants_room && socket.link->waiting_bytes() <= enough) {
      socket.wants_room = false;
      workload_.OnRoom(socket.peer);
    }
  }
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) ReadFrom(socket);
}

void BareNode::OnInput() {
  char text[4096];
  const ssize_t got = read(STDIN_FILENO, text, sizeof(text));
  if (got <= 0) {
    running_ = false;
    return;
  }
  input_.append(text, static_cast<size_t>(got));
  size_t end = 0;
  while ((end = input_.find('\n')) != std::string::npos) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    OnCommand(line);
  }
}

void BareNode::OnCommand(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words[0] == "listen") {
    Listen();
  } else if (words[0] == "dial") {
    Dial(std::stoul(words.at(1)), words.at(2));
  } else {
    size_t connected = 0;
    for (const Peer& peer : peers_) connected += peer.lanes[0] != nullptr ? 1 : 0;
    GROAT_CHECK(workload_.Begin(words, connected)) << "unknown command: " << line;
  }
}

void BareNode::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first <= MonotonicNs()) {
    auto first = timers_.extract(timers_.begin());
    first.mapped()();
  }
}

void BareNode::Run() {
  std::array<epoll_event, kEventsAtOnce> events;
  while (running_) {
    int64_t wait_ns = -1;
    if (!unread_.empty()) {
      wait_ns = 0;
    } else if (!timers_.empty()) {
      wait_ns = std::max<int64_t>(0, timers_.begin()->first - MonotonicNs());
    }
    const timespec timeout = {wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    const int count = epoll_pwait2(epoll_, events.data(), kEventsAtOnce,
                                   wait_ns < 0 ? nullptr : &timeout, nullptr);
    GROAT_CHECK(count >= 0 || errno == EINTR) << std::strerror(errno);
    std::vector<Socket*> unread;
    unread.swap(unread_);
    for (Socket* socket : unread) {
      socket->unread = false;
      ReadFrom(*socket);
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.ptr == nullptr) {
        OnInput();
      } else {
        OnSocket(*static_cast<Socket*>(event.data.ptr), event.events);
      }
    }
    RunTimers();
    FlushDirty();
  }
}

}  // namespace

void RunBareNode(size_t self, size_t nodes) { BareNode(self, nodes).Run(); }

}  // namespace groat::load
