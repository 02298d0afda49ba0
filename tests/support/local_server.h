// A well-behaved HTTP server on 127.0.0.1 (cpp-httplib): tests give it their handlers, then start() it.
#pragma once

#include <httplib.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace qreason::testing {

class LocalServer {
 public:
  LocalServer() { server.set_keep_alive_timeout(1); }  // what a client keeps open holds up the end no longer
  ~LocalServer() {
    server.stop();
    if (thread_.joinable()) thread_.join();
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  httplib::Server server;

  // Port 0: any that is free.
  void start(const std::string& address = "127.0.0.1", int port = 0) {
    if (port == 0) {
      port_ = server.bind_to_any_port(address.c_str());
    } else {
      port_ = server.bind_to_port(address.c_str(), port) ? port : -1;
    }
    if (port_ < 0) throw std::runtime_error("no local server");
    thread_ = std::thread([this] { server.listen_after_bind(); });
    while (!server.is_running()) std::this_thread::yield();
  }
  int port() const { return port_; }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

 private:
  int port_ = 0;
  std::thread thread_;
};

}  // namespace qreason::testing
