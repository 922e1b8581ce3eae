#include "p2p/tls/tls_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::p2p {
namespace {

constexpr size_t kLengthBytes = 4;
// Of one connection in one turn of the loop, so that others get theirs.
constexpr size_t kTurnBytes = size_t{16} << 10;

uint32_t LengthAt(const uint8_t* data) {
  return static_cast<uint32_t>(LoadBigEndian(data, kLengthBytes));
}

}  // namespace

TlsConnection::TlsConnection(EventLoop& loop, const TlsContext& context, Socket socket,
                             bool dialled, std::function<bool(const PeerId&)> admits,
                             Bytes& scratch, OnSettled on_settled)
    : loop_(loop),
      dialled_(dialled),
      scratch_(scratch),
      on_settled_(std::move(on_settled)),
      judge_{.admits = std::move(admits)},
      stream_(context, std::move(socket), dialled, judge_),
      watched_(dialled ? EPOLLOUT : EPOLLIN),
      state_(dialled ? State::kConnecting : State::kHandshake) {
  watch_ = loop_.Watch(stream_.fd(), watched_, *this);
}

TlsConnection::~TlsConnection() {
  loop_.Unwatch(watch_, stream_.fd());
  *gone_ = true;
}

void TlsConnection::OnReady(uint32_t events) {
  const std::shared_ptr<const bool> gone = gone_;
  serving_ = true;
  switch (state_) {
    case State::kConnecting:
      FinishConnect();
      break;
    case State::kHandshake:
      Advance();
      break;
    case State::kWord:
      AwaitWord();
      break;
    case State::kOpen:
      Serve(events);
      break;
    case State::kClosed:
      break;
  }
  if (*gone) return;
  serving_ = false;
  Rewatch();
}

// What the socket is to tell of next.
void TlsConnection::Rewatch() {
  uint32_t wanted = 0;
  if (state_ == State::kConnecting || stream_.has_waiting()) wanted |= EPOLLOUT;
  if (state_ == State::kHandshake || state_ == State::kWord ||
      (state_ == State::kOpen && reads())) {
    wanted |= EPOLLIN;
  }
  if (state_ == State::kClosed || muted_) {
    loop_.Mute(watch_, stream_.fd());
  } else if (wanted != watched_) {
    loop_.Change(watch_, stream_.fd(), wanted);
    watched_ = wanted;
  }
}

// Before the connection is open.

void TlsConnection::FinishConnect() {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(stream_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    Settle(absl::UnavailableError(absl::StrCat("cannot connect: ", strerror(error))));
    return;
  }
  state_ = State::kHandshake;
  Advance();
}

void TlsConnection::Advance() {
  const TlsStream::Progress progress = stream_.Handshake();
  const TlsStream::Progress flushed = stream_.Flush();
  if (progress == TlsStream::Progress::kFailed || flushed == TlsStream::Progress::kFailed) {
    Settle(stream_.failure());
    return;
  }
  if (progress == TlsStream::Progress::kBlocked) return;
  if (dialled_) {
    state_ = State::kWord;
    AwaitWord();
    return;
  }
  state_ = State::kOpen;
  stream_.Encrypt(Bytes(kLengthBytes));
  stream_.Flush();
  Settle(absl::OkStatus());
}

void TlsConnection::AwaitWord() {
  partial_.resize(kLengthBytes);
  while (partial_size_ < kLengthBytes) {
    const absl::StatusOr<size_t> got =
        stream_.Read(partial_.data() + partial_size_, kLengthBytes - partial_size_);
    if (!got.ok()) {
      Settle(got.status());
      return;
    }
    if (*got == 0) {
      stream_.Flush();
      return;
    }
    partial_size_ += *got;
  }
  const bool is_word = LengthAt(partial_.data()) == 0;
  partial_ = {};
  partial_size_ = 0;
  if (is_word) state_ = State::kOpen;
  Settle(is_word ? absl::OkStatus() : absl::UnavailableError("something else than a mesh answers"));
}

void TlsConnection::Settle(const absl::Status& status) {
  absl::Status told = status;
  if (judge_.rejected) {
    told = absl::UnauthenticatedError("somebody else answers there");
  } else if (absl::IsInvalidArgument(told)) {
    told = absl::UnavailableError(told.message());
  } else if (told.ok() && state_ != State::kOpen) {
    told = absl::UnavailableError("the peer ended the connection");
  }
  if (!told.ok()) state_ = State::kClosed;
  // The callback may destroy this, and so itself.
  const OnSettled on_settled = std::exchange(on_settled_, nullptr);
  on_settled(*this, told);
}

// While it is open.

void TlsConnection::Start(ConnectionHandler& handler) {
  GROAT_CHECK(handler_ == nullptr);
  handler_ = &handler;
  // What has come with the handshake is here already, and no socket tells of it.
  ReadAgain();
}

void TlsConnection::ReadAgain() {
  reading_due_ = true;
  loop_.Again(watch_);
}

void TlsConnection::Write(Bytes frame) {
  GROAT_CHECK(!frame.empty() && frame.size() <= kMaxFrameBytes) << frame.size();
  GROAT_CHECK(frame_.empty() && !has_written_) << "a frame is being written";
  if (state_ != State::kOpen) return;
  frame_ = std::move(frame);
  // The length and what follows it in the same record.
  uint8_t first[kTlsRecordBytes];
  const size_t in_first = std::min(frame_.size(), kTlsRecordBytes - kLengthBytes);
  StoreBigEndian(frame_.size(), first, kLengthBytes);
  std::memcpy(first + kLengthBytes, frame_.data(), in_first);
  stream_.Encrypt(ByteView(first, kLengthBytes + in_first));
  encrypted_ = in_first;
  EncryptMore(kTurnBytes - kTlsRecordBytes);
  WriteOn();
  if (!serving_) Rewatch();
}

void TlsConnection::EncryptMore(size_t most) {
  const size_t more = std::min(frame_.size() - encrypted_, most);
  if (more == 0) return;
  stream_.Encrypt(ByteView(frame_).subspan(encrypted_, more));
  encrypted_ += more;
}

// Goes on with the frame for a turn. A failure shows when the socket is read.
void TlsConnection::WriteOn() {
  if (stream_.Flush() != TlsStream::Progress::kDone) return;  // The socket will tell.
  if (encrypted_ == frame_.size()) {
    frame_ = {};
    has_written_ = true;
  } else {
    EncryptMore(kTurnBytes);
    stream_.Flush();
  }
  loop_.Again(watch_);
}

void TlsConnection::PauseReading(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  if (paused) {
    if (!serving_) Rewatch();
    return;
  }
  ReadAgain();
}

void TlsConnection::Serve(uint32_t events) {
  if (!WriteOut()) return;
  if (!reads()) {
    // Nobody would learn of the end: later, then.
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) muted_ = true;
    return;
  }
  if (std::exchange(muted_, false)) watched_ = 0;
  const bool readable = (events & ~static_cast<uint32_t>(EPOLLOUT)) != 0;
  if (std::exchange(reading_due_, false) || readable) ReadIn();
}

// False: the connection has ended or is gone.
bool TlsConnection::WriteOut() {
  if (!frame_.empty()) WriteOn();
  if (!has_written_ || handler_ == nullptr) return true;
  has_written_ = false;
  const bool* gone = gone_.get();  // OnReady holds it.
  handler_->OnWritten();
  return !*gone && state_ == State::kOpen;
}

void TlsConnection::ReadIn() {
  if (!held_.empty()) {
    const Bytes held = std::exchange(held_, {});
    if (!HandOn(held)) return;
  }
  size_t taken = 0;
  while (reads()) {
    const size_t before = taken;
    if (!ReadSome(taken) || taken == before) return;
    // The socket is not read again to learn that it is empty.
    if (!stream_.has_buffered()) return;
    if (taken >= kTurnBytes) {
      ReadAgain();
      return;
    }
  }
}

bool TlsConnection::ReadSome(size_t& taken) {
  const bool in_frame = partial_size_ > 0;
  uint8_t* to = in_frame ? partial_.data() + partial_size_ : scratch_.data();
  const size_t room = in_frame ? partial_.size() - partial_size_ : scratch_.size();
  const absl::StatusOr<size_t> got = stream_.Read(to, room);
  if (!got.ok()) return Fail(got.status());
  taken += *got;
  if (stream_.has_waiting()) stream_.Flush();  // Answers of TLS itself.
  if (*got == 0) return true;
  if (!in_frame) return HandOn(ByteView(scratch_.data(), *got));
  partial_size_ += *got;
  return GrowFrame();
}

// Complete frames of what was read; the rest begins the partial one.
bool TlsConnection::HandOn(ByteView data) {
  while (data.size() >= kLengthBytes) {
    if (!reads()) {
      held_.assign(data.begin(), data.end());
      return true;
    }
    const size_t length = LengthAt(data.data());
    if (length == 0 || length > kMaxFrameBytes || data.size() < kLengthBytes + length) break;
    if (!Deliver(data.subspan(kLengthBytes, length))) return false;
    data = data.subspan(kLengthBytes + length);
  }
  if (data.empty()) return true;
  partial_.assign(data.begin(), data.end());
  partial_size_ = data.size();
  return GrowFrame();
}

// Makes room for what is missing of the partial frame, or hands it on.
bool TlsConnection::GrowFrame() {
  if (partial_size_ < kLengthBytes) {
    partial_.resize(kLengthBytes);
    return true;
  }
  const size_t length = LengthAt(partial_.data());
  if (length == 0 || length > kMaxFrameBytes) {
    return Fail(absl::InvalidArgumentError(
        absl::StrCat("a frame of ", length, " bytes, want 1 to ", kMaxFrameBytes)));
  }
  partial_.resize(kLengthBytes + length);
  if (partial_size_ < partial_.size()) return true;
  partial_size_ = 0;
  const Bytes frame = std::exchange(partial_, {});
  return Deliver(ByteView(frame).subspan(kLengthBytes));
}

bool TlsConnection::Deliver(ByteView frame) {
  const bool* gone = gone_.get();  // OnReady holds it.
  handler_->OnFrame(frame);
  return !*gone && state_ == State::kOpen;
}

bool TlsConnection::Fail(const absl::Status& why) {
  state_ = State::kClosed;
  ConnectionHandler* handler = std::exchange(handler_, nullptr);
  handler->OnClosed(why);
  return false;
}

}  // namespace groat::p2p
