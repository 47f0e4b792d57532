// One outgoing request on its way, redirects included; the inside of net/.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "net/http_client.hpp"

namespace squall::net {

// Lives on the client's thread.
class HttpExchange {
 public:
  HttpExchange(uint64_t id, HttpRequest request, HttpClient::Done done);
  HttpExchange(uint64_t id, HttpRequest request, HttpClient::StreamHandlers handlers);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  uint64_t id() const { return id_; }
  CURL* handle() { return easy_; }

  // Readies the handle for the next hop.
  Status prepare();
  // What curl's end of this hop means: true when there is another hop to prepare(), else the exchange is over.
  Result<bool> hop_done(CURLcode code);
  // Goes on after its valve was opened; harmless when it was not held back.
  void resume();
  // Tells whoever waits; the last thing that happens.
  void finish(Status status);

  // When idle_timeout strikes if nothing arrives; nothing when there is none.
  std::optional<Duration> idle_deadline() const;
  Error idle_error() const;

 private:
  Status set_method_and_body();
  Status set_headers();
  void set_tls();
  void set_timeouts();
  Error transport_error(CURLcode code) const;
  bool wants_redirect() const;
  Status redirect_to(const std::string& url);
  void announce_head();
  void touch() { last_activity_ = Clock::system().monotonic(); }

  static size_t on_header(char* bytes, size_t, size_t count, void* self);
  static size_t on_body(char* bytes, size_t, size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent);

  const uint64_t id_;
  HttpRequest request_;
  HttpClient::Done done_;                // for send(): the body is collected
  HttpClient::StreamHandlers handlers_;  // for stream()
  bool streaming() const { return done_ == nullptr; }
  CURL* easy_;
  curl_slist* header_list_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  char error_text_[CURL_ERROR_SIZE] = {};
  HttpResponse response_;
  std::string origin_;  // "https://host:port", for errors
  bool head_announced_ = false;
  bool too_big_ = false;
  bool held_ = false;  // by the valve
  int redirects_ = 0;
  Duration started_;
  Duration last_activity_;
  curl_off_t progress_ = 0;
};

}  // namespace squall::net
