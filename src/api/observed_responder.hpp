// A responder that lets see each answer before it goes out.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "net/http_server.hpp"

namespace squall::api {

class ObservedResponder final : public net::Responder {
 public:
  using Observe = std::function<void(net::ServerResponse&)>;
  ObservedResponder(std::shared_ptr<net::Responder> inner, Observe observe)
      : inner_(std::move(inner)), observe_(std::move(observe)) {}

  void respond(net::ServerResponse response) override {
    observe_(response);
    inner_->respond(std::move(response));
  }
  std::shared_ptr<net::ResponseStream> start_stream(net::ServerResponse head) override {
    observe_(head);
    return inner_->start_stream(std::move(head));
  }

 private:
  std::shared_ptr<net::Responder> inner_;
  Observe observe_;
};

}  // namespace squall::api
