#include "net/http_session.hpp"

#include <atomic>
#include <charconv>
#include <vector>

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "net/request_reader.hpp"
#include "net/response_head.hpp"
#include "net/session_stream.hpp"

namespace squall::net {
namespace {

constexpr size_t kReadBytes = 8u << 10;
constexpr size_t kWriteBytes = 256u << 10;  // a slow client is noticed when one such piece takes too long
constexpr size_t kSmallBodyBytes = 16u << 10;
constexpr size_t kRequestIdBytesMax = 128;
constexpr Duration kDrainTime = std::chrono::seconds(2);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// The client's own id when it is fit for logs and headers.
std::string request_id(std::string_view given) {
  const bool usable = !given.empty() && given.size() <= kRequestIdBytesMax &&
                      std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return usable ? std::string(given) : Random::system().uuid4();
}

std::string chunk(std::string_view bytes) {
  char size[20];
  const auto end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
  std::string framed(size, end);
  framed.reserve(framed.size() + bytes.size() + 4);
  framed += "\r\n";
  framed += bytes;
  return framed += "\r\n";
}

// One connection from accept to close. Kept alive by the operation or the timer that is under way, and by the Responder
// of a running request.
class Session final : public HttpSession, public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<ServerCore> core, std::unique_ptr<ByteStream> stream)
      : core_(std::move(core)), stream_(std::move(stream)), reader_(core_->limits) {
    core_->sessions.insert(this);
  }
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  void stop() override;

  // For the Responder, on the loop.
  void respond(ServerResponse response);
  void begin_stream(ServerResponse head, const std::shared_ptr<StreamBuffer>& buffer);
  EventLoop& loop() { return core_->loop; }
  size_t stream_buffer_bytes() const { return core_->limits.stream_buffer_bytes; }

 private:
  enum class Phase { kHandshake, kReading, kHandling, kWriting, kStreaming, kDraining, kClosed };

  void read();
  void on_read(bool ok, size_t count);
  void on_progress(RequestReader::Progress progress);
  void dispatch();
  void reject(const ServerResponse& response);
  void answer(ServerResponse response, bool keep_alive);
  void write_piece();
  void on_answered();
  void pump_stream();
  void end_stream();
  void drain();
  void close();
  void set_deadline(Duration from_now);
  void arm_timer(Duration delay);
  void on_timer();

  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<ByteStream> stream_;
  RequestReader reader_;
  RequestReader::Request current_;
  Phase phase_ = Phase::kHandshake;
  RequestReader::Progress progress_ = RequestReader::Progress::kIdle;
  bool keep_alive_ = false;
  bool reading_ = false;
  std::vector<char> input_;
  std::string output_;       // head, or head and body
  std::string output_body_;  // a big body, written after output_
  size_t written_ = 0;

  std::shared_ptr<StreamBuffer> streaming_;
  bool stream_writing_ = false;

  Duration deadline_{};  // monotonic; zero: none
  Executor::TimerId timer_ = 0;
  Duration timer_due_{};
};

// Gives the answer to the loop, whichever thread it comes from.
class SessionResponder final : public Responder {
 public:
  explicit SessionResponder(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~SessionResponder() override {
    if (session_ == nullptr) return;
    log_error("a request was dropped without an answer");
    respond(fault(500, "Internal Server Error"));
  }
  void respond(ServerResponse response) override {
    SQ_ASSERT(!used_.exchange(true));
    auto session = std::exchange(session_, nullptr);
    EventLoop& loop = session->loop();
    loop.post([session = std::move(session), response = std::move(response)]() mutable {
      session->respond(std::move(response));
    });
  }
  std::shared_ptr<ResponseStream> start_stream(ServerResponse head) override {
    SQ_ASSERT(!used_.exchange(true));
    auto session = std::exchange(session_, nullptr);
    EventLoop& loop = session->loop();
    auto buffer = std::make_shared<StreamBuffer>(loop, session->stream_buffer_bytes());
    loop.post([session = std::move(session), head = std::move(head), buffer]() mutable {
      session->begin_stream(std::move(head), buffer);
    });
    return make_response_stream(std::move(buffer));
  }

 private:
  std::shared_ptr<Session> session_;  // gone once used
  std::atomic<bool> used_{false};
};

// Not closed yet only when the loop goes down with the connection open: then there is nobody to say goodbye for.
Session::~Session() {
  if (phase_ == Phase::kClosed) return;
  core_->sessions.erase(this);
  if (streaming_ != nullptr) streaming_->end();
}

void Session::start() {
  set_deadline(core_->limits.header_time);
  stream_->start([self = shared_from_this()](bool ok) {
    if (self->phase_ == Phase::kClosed) return;
    if (!ok) return self->close();
    self->phase_ = Phase::kReading;
    self->set_deadline(self->core_->limits.idle_time);
    self->read();
  });
}

void Session::stop() {
  const auto self = shared_from_this();
  keep_alive_ = false;
  if (phase_ == Phase::kHandshake || (phase_ == Phase::kReading && progress_ == RequestReader::Progress::kIdle)) {
    close();
  } else if (phase_ == Phase::kStreaming) {
    streaming_->close();
  }
}

void Session::read() {
  if (reading_) return;
  reading_ = true;
  input_.resize(kReadBytes);
  stream_->read_some(input_, [self = shared_from_this()](bool ok, size_t count) {
    self->reading_ = false;
    if (self->phase_ != Phase::kClosed) self->on_read(ok, count);
  });
}

void Session::on_read(bool ok, size_t count) {
  switch (phase_) {
    case Phase::kReading:
      if (!ok) return close();
      return on_progress(reader_.feed(std::string_view(input_.data(), count)));
    case Phase::kStreaming:
      // Nothing is expected from the client but its end.
      return ok ? read() : close();
    case Phase::kDraining: return ok ? read() : close();
    default: return close();
  }
}

void Session::on_progress(RequestReader::Progress progress) {
  const auto before = std::exchange(progress_, progress);
  const ServerLimits& limits = core_->limits;
  switch (progress) {
    case RequestReader::Progress::kIdle:
      if (core_->stopping) return close();
      return read();
    case RequestReader::Progress::kHead:
      if (before != progress) set_deadline(limits.header_time);
      return read();
    case RequestReader::Progress::kBody:
      if (before != progress) set_deadline(limits.body_time);
      if (!reader_.take_expect_continue()) return read();
      return stream_->write(kContinue, [self = shared_from_this()](bool ok) {
        if (self->phase_ == Phase::kClosed) return;
        ok ? self->read() : self->close();
      });
    case RequestReader::Progress::kComplete: return dispatch();
    case RequestReader::Progress::kBad: return reject(reader_.fault());
  }
}

void Session::dispatch() {
  set_deadline(Duration::zero());
  phase_ = Phase::kHandling;
  current_ = reader_.take();
  keep_alive_ = current_.keep_alive && !core_->stopping;
  ServerRequest request = std::move(current_.request);
  request.remote_address = stream_->remote_address();
  request.id = request_id(request.headers.get("X-Request-ID"));
  current_.request.id = request.id;
  std::vector<char>().swap(input_);
  const auto responder = std::make_shared<SessionResponder>(shared_from_this());
  if (core_->handler == nullptr) return responder->respond(fault(503, "The server is stopping."));
  // A copy: the handler may take the server down.
  const auto handler = core_->handler;
  handler(std::move(request), responder);
}

// For requests that no handler will see: the client may still be sending.
void Session::reject(const ServerResponse& response) {
  current_ = {};
  current_.request.id = Random::system().uuid4();
  answer(response, /*keep_alive=*/false);
}

void Session::respond(ServerResponse response) {
  SQ_CRASH_POINT("http.respond");
  if (phase_ == Phase::kClosed) return;
  answer(std::move(response), keep_alive_);
}

void Session::answer(ServerResponse response, bool keep_alive) {
  phase_ = Phase::kWriting;
  keep_alive_ = keep_alive && !core_->stopping;
  output_ = response_head(
      response, {.keep_alive = keep_alive_, .http_1_0 = current_.http_1_0, .request_id = current_.request.id});
  output_body_.clear();
  if (!current_.is_head && !has_no_body(response.status)) {
    if (response.body.size() <= kSmallBodyBytes) {
      output_ += response.body;
    } else {
      output_body_ = std::move(response.body);
    }
  }
  written_ = 0;
  write_piece();
}

void Session::write_piece() {
  if (written_ == output_.size() && !output_body_.empty()) {
    output_ = std::exchange(output_body_, {});
    written_ = 0;
  }
  if (written_ == output_.size()) return on_answered();
  const std::string_view piece = std::string_view(output_).substr(written_, kWriteBytes);
  set_deadline(core_->limits.write_time);
  stream_->write(piece, [self = shared_from_this(), size = piece.size()](bool ok) {
    if (self->phase_ == Phase::kClosed) return;
    if (!ok) return self->close();
    self->written_ += size;
    self->write_piece();
  });
}

void Session::on_answered() {
  std::string().swap(output_);
  if (!keep_alive_) return drain();
  phase_ = Phase::kReading;
  progress_ = RequestReader::Progress::kIdle;
  set_deadline(core_->limits.idle_time);
  on_progress(reader_.resume());
}

// Closing while the client still sends would make its kernel throw our answer away.
void Session::drain() {
  phase_ = Phase::kDraining;
  set_deadline(kDrainTime);
  stream_->finish();
  read();
}

void Session::begin_stream(ServerResponse head, const std::shared_ptr<StreamBuffer>& buffer) {
  if (phase_ == Phase::kClosed) return buffer->end();
  phase_ = Phase::kStreaming;
  streaming_ = buffer;
  // Weak: the stream may be kept for long after the connection's end.
  buffer->attach([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump_stream();
  });
  head.body.clear();
  output_ = response_head(
      head, {.keep_alive = false, .http_1_0 = current_.http_1_0, .chunked = true, .request_id = current_.request.id});
  if (current_.is_head || has_no_body(head.status) || core_->stopping) buffer->close();
  pump_stream();
  if (phase_ == Phase::kStreaming) read();
}

void Session::pump_stream() {
  if (phase_ != Phase::kStreaming || stream_writing_) return;
  auto taken = streaming_->take();
  if (taken.overflow) {
    log_warning("dropped a client that reads its stream too slowly", {{"client", stream_->remote_address()}});
    return close();
  }
  if (!taken.bytes.empty() && !current_.is_head) output_ += current_.http_1_0 ? taken.bytes : chunk(taken.bytes);
  if (output_.empty()) {
    if (taken.closed) end_stream();
    return;
  }
  stream_writing_ = true;
  set_deadline(core_->limits.write_time);
  stream_->write(output_, [self = shared_from_this()](bool ok) {
    self->stream_writing_ = false;
    if (self->phase_ == Phase::kClosed) return;
    if (!ok) return self->close();
    self->output_.clear();
    self->set_deadline(Duration::zero());
    self->pump_stream();
  });
}

void Session::end_stream() {
  streaming_->end();
  streaming_ = nullptr;
  phase_ = Phase::kWriting;
  keep_alive_ = false;
  if (!current_.http_1_0 && !current_.is_head) output_ = "0\r\n\r\n";
  written_ = 0;
  write_piece();
}

void Session::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  core_->sessions.erase(this);
  core_->loop.cancel(timer_);
  if (streaming_ != nullptr) streaming_->end();
  stream_->close();
}

// Timers are cheap but not free: one that is set too early just looks again when it fires.
void Session::set_deadline(Duration from_now) {
  if (from_now == Duration::zero()) {
    deadline_ = Duration::zero();
    return;
  }
  const Duration now = Clock::system().monotonic();
  deadline_ = now + from_now;
  if (timer_ != 0 && timer_due_ <= deadline_) return;
  core_->loop.cancel(timer_);
  arm_timer(from_now);
}

void Session::arm_timer(Duration delay) {
  timer_due_ = Clock::system().monotonic() + delay;
  timer_ = core_->loop.post_after(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void Session::on_timer() {
  timer_ = 0;
  if (phase_ == Phase::kClosed || deadline_ == Duration::zero()) return;
  const Duration left = deadline_ - Clock::system().monotonic();
  if (left > Duration::zero()) return arm_timer(left);
  if (phase_ == Phase::kReading && progress_ != RequestReader::Progress::kIdle) {
    return reject(fault(408, "The request did not arrive in time."));
  }
  close();
}

}  // namespace

void HttpSession::start(std::shared_ptr<ServerCore> core, std::unique_ptr<ByteStream> stream) {
  std::make_shared<Session>(std::move(core), std::move(stream))->start();
}

}  // namespace squall::net
