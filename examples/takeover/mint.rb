# Mints sessions with ActionDispatch itself, as Debian has it or as GEM_HOME says.
#
# It reads tasks and writes cookies as mint.mjs does. A task may also have digest ("sha256",
# as Rails 7 derives keys), form ("marshal": in which other form than JSON the session is
# written), life (of the session, in seconds) and bare (true: without the purpose, as Rails 5.2
# writes it).
require "json"
require "active_support"
require "active_support/all"
require "active_support/messages/rotation_configuration"
require "action_dispatch"
require "rack/mock"

$shift = 0
class << Time
  alias_method :real_now, :now
  def now(...) = real_now(...) + $shift
end

# KeyGenerator::Sha256 derives as Rails 7 does, under releases before it.
Sha256 = Struct.new(:secret) do
  def generate_key(salt, size = 64) = OpenSSL::PKCS5.pbkdf2_hmac(secret, salt, 1000, size, OpenSSL::Digest.new("SHA256"))
end

def generator(secret, digest)
  digest == "sha256" ? Sha256.new(secret) : ActiveSupport::KeyGenerator.new(secret, iterations: 1000)
end

def mint(task)
  session = lambda do |env|
    request = ActionDispatch::Request.new(env)
    filler, x = +"", 1
    filler << (x = x * 48271 % 2147483647).to_s(16) while filler.size < task["size"].to_i
    # As Devise writes it: the id, and the salt of the password.
    user = { "warden.user.user.key" => [[task["user"]], "$2a$12$abcdefghijklmnopqrstuv"] }
    values = { "colour" => "teal", "filler" => filler[0, task["size"].to_i] }
    request.session.update(user.merge(values))
    request.cookie_jar.encrypted["_other"] = user.merge(values) if task["other"]
    [200, {}, ["ok"]]
  end
  app = ActionDispatch::Session::CookieStore.new(session, key: "_app_session", expire_after: task["life"])
  # What a Rails application's configuration comes to, in these keys.
  env = Rack::MockRequest.env_for("https://app.example/",
    "action_dispatch.secret_key_base" => task["secrets"][0],
    "action_dispatch.key_generator" => generator(task["secrets"][0], task["digest"]),
    "action_dispatch.authenticated_encrypted_cookie_salt" => "authenticated encrypted cookie",
    "action_dispatch.signed_cookie_salt" => "signed cookie",
    "action_dispatch.use_authenticated_cookie_encryption" => true,
    "action_dispatch.use_cookies_with_metadata" => !task["bare"],
    "action_dispatch.cookies_serializer" => (task["form"] || "json").to_sym,
    "action_dispatch.cookies_rotations" => ActiveSupport::Messages::RotationConfiguration.new)
  _, headers, = ActionDispatch::Cookies.new(app).call(env)
  lines = [headers["Set-Cookie"] || headers["set-cookie"]].flatten.flat_map { |l| l.split("\n") }
  pairs = lines.to_h { |l| l.split(";").first.split("=", 2) }
  ["_app_session=#{pairs[task["other"] ? "_other" : "_app_session"]}"]
end

$stdout.sync = true
$stdin.each_line do |line|
  task = JSON.parse(line)
  $shift = task["shift"].to_i
  result = begin
    { cookies: mint(task) }
  rescue StandardError, NotImplementedError => e
    { error: "#{e.class}: #{e.message} #{e.backtrace.first(3)}" }
  end
  $shift = 0
  puts JSON.generate(result)
end
