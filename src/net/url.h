// Addresses as far as requests need them.
#pragma once

#include <string>

namespace qreason {

// Whom a request goes to.
struct UrlOrigin {
  std::string scheme;  // "http", "https" or another that the URL names
  std::string host;    // lower case
  std::string port;
  bool operator==(const UrlOrigin&) const = default;
};

// Error (naming the URL as shown_url() has it) when it cannot be read.
UrlOrigin origin_of(const std::string& url);

// The URL for messages: without user and password, and without query and fragment, which of signed links are secrets;
// at most 200 characters, control characters written out. What cannot be read as a URL may have its password anywhere:
// of it only what follows the last @ is shown.
std::string shown_url(const std::string& url);

// A message in which somebody may have written addresses: each "scheme://" in it without user and password, as above.
std::string without_passwords(std::string_view text);

// The password of the URL, decoded; empty where it has none.
std::string password_of(const std::string& url);

// `text` as one segment of a path: everything but letters, digits and -._~ as %XX.
std::string url_segment(std::string_view text);
// The same for a path of several segments, whose slashes stay.
std::string url_path(std::string_view path);

}  // namespace qreason
