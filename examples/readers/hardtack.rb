# Reads session cookies of https://github.com/hardtack-go/hardtack; docs/FORMAT.md there has the
# rules. It never writes one, and needs nothing but Ruby. Copy this file into your application.
require "json"
require "openssl"

module Hardtack
  MAX_TIME, LEEWAY = 253402300799, 60 # the year 9999; by how much the clocks of a fleet may differ
  B64 = "(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?" # base64url in its one spelling
  KID, B16, B32 = "[\\w-]{6}[AEIMQUYcgkosw048]", "[\\w-]{21}[AQgw]", "[\\w-]{42}[AEIMQUYcgkosw048]"
  TIME = "([1-9][0-9]{0,11})"
  HEADER = /\A{"alg":"dir","enc":"A256GCM","kid":"(#{KID})"}\z/n
  TOKEN = /\A([\w-]{60})(.*)\z/mn
  BODY = /\A\.\.([\w-]{16})\.(#{B64})\.(#{B16})\z/n
  ENTRY = /\A(#{KID})([0-9]{10})(#{B16})\z/n
  CLAIMS = /\A{"sid":"(#{B16})","iat":#{TIME}(?:,"auth_time":#{TIME})?,"exp":#{TIME},"rnw":#{TIME}(,"per":true)?(?:,"end":#{TIME})?(?:,"sub":"((?:[^"\\\p{Cc}]|\\["\\])+)"(?:,"stk":"#{KID}","stp":"#{B32}")?)?(?:,"d":({".{4,}}))?}\z/m
  RANK = %w[malformed bad-tag expired ended foreign newer future unknown-key] # the last one counts

  def self.decode(text) = text.tr("-_", "+/").unpack1("m")

  def self.find(lines, name)
    pairs = lines.flat_map { |line| line.b.split(";") }.map { |pair| pair.gsub(/\A[ \t]+|[ \t]+\z/n, "") } # and never at a comma
    pairs.filter_map { |pair| pair.byteslice(name.bytesize + 1..) if pair.start_with?("#{name}=") }.uniq
  end

  def self.open(value, keys) # returns a verdict, the kid and the plaintext
    head = value.bytesize <= 4096 && TOKEN.match(value.b)
    kid = head && HEADER.match(decode(head[1]))
    return kid ? "unknown-key" : "foreign" unless kid && keys[kid[1]]
    body = BODY.match(head[2]) or return "malformed"
    box = OpenSSL::Cipher.new("aes-256-gcm").decrypt
    box.key, box.iv, box.auth_tag, box.auth_data = keys[kid[1]], decode(body[1]), decode(body[3]), head[1]
    ["ok", kid[1], (body[2].empty? ? "" : box.update(decode(body[2]))) + box.final]
  rescue OpenSSL::Cipher::CipherError
    "bad-tag"
  end

  def self.parse(plaintext) # returns nil for any but the one spelling
    text = plaintext.dup.force_encoding("UTF-8")
    m = text.valid_encoding? && CLAIMS.match(text) or return
    iat, auth, exp, rnw, end_ = [2, 3, 4, 5, 7].map { |i| m[i].to_i }
    return if [iat, auth, exp, rnw, end_].max > MAX_TIME || m[8].nil? != (auth == 0) || m[8].to_s.bytesize > 255
    data = JSON.parse(m[9] || "{}", max_nesting: 4096)
    act = data["-act"]
    actor = (act.is_a?(Hash) && act["sub"] || "" if data.key?("-act")) # "": somebody unknown
    [m[1], { user: (m[8]&.gsub(/\\(.)/, '\1') unless actor == ""), actor: actor, created: iat, authTime: (auth if auth > 0), renewed: rnw,
             expires: end_ > 0 ? [exp, end_].min : exp, persistent: !m[6].nil?, data: data.reject { |name, _| name.start_with?("-") } }]
  rescue JSON::ParserError
    nil
  end

  # Options are as the application has them: seconds, and former names as pairs of a name and the time until when it counts.
  class Reader
    def initialize(keys, name: "__Host-session", audience: "", former: [], idle: 1800, absolute: 43200, persistent_idle: 1209600, persistent_absolute: 2592000)
      @limits = { false => [idle, absolute], true => [persistent_idle, persistent_absolute] }
      @places = [[name, Float::INFINITY], *former].map do |place, till|
        seal, barrier = %w[seal barrier].map { |p| keys["keys"].select { |k| k.values_at("purpose", "audience", "name") == [p, audience, place] }.to_h { |k| [k["kid"], Hardtack.decode(k["k"])] } }
        raise ArgumentError, "seal or barrier keys are missing for cookie #{place.inspect}" if seal.empty? || (seal.keys - barrier.keys).any?
        [place, till, seal, barrier]
      end
    end

    def judge(value, place, now, ended)
      verdict, _, plaintext = Hardtack.open(value, place[2])
      return [verdict] unless plaintext
      sid, s = Hardtack.parse(plaintext)
      return ["newer"] unless s
      idle, absolute = @limits[s[:persistent]]
      s[:expires] = [s[:expires], [s[:created], s[:authTime]].compact.min + absolute].min
      return ["future"] if [s[:created], s[:authTime].to_i, s[:renewed]].max > now + LEEWAY
      return ["expired"] if now >= s[:expires] || now - s[:renewed] > idle
      ended.(sid) ? ["ended"] : ["ok", sid, s]
    end

    # Returns the verdict on the values of a request's Cookie header fields, and the session if it's "ok".
    def read(lines, now = Time.now.to_i)
      return ["none", nil] unless now.between?(1, MAX_TIME)
      current, *former = @places.select { |p| now < p[1] }
      live = [current] + former.reject { |p| p[0] == current[0] }
      entries = live.flat_map { |p| Hardtack.find(lines, "#{p[0]}-ended").first(9) }.flat_map { |v| v.split(".", -1).first(6) }.filter_map { |e| ENTRY.match(e) }
      ended = lambda do |sid|
        macs = entries.select { |m| m[2].to_i > now }.flat_map { |m| live.filter_map { |p| [m, p[3][m[1]]] if p[3][m[1]] } }
        macs.map { |m, key| OpenSSL.fixed_length_secure_compare(OpenSSL::HMAC.digest("SHA256", key, "\0\0\0\x16#{sid}\0\0\0\x0a#{m[2]}")[0, 16], Hardtack.decode(m[3])) }.any?
      end
      verdict = "none"
      live.each do |place|
        values = Hardtack.find(lines, place[0])
        found = values.first(9).map { |v| judge(v, place, now, ended) }
        verdict = "foreign" if place == current && values.any?
        next if found.all? { |f| f[0] == "foreign" } && (place != current || values.size <= 8)
        good = found.select { |f| f[2] }
        one = place == current && former.any? { |p| p[0] == current[0] } && good.uniq { |f| f[1] }.size == 1
        return ["ambiguous", nil] if values.size > 8 || good.size > 1 && !one
        return ["ok", good.reverse.max_by { |f| f[2][:renewed] }[2]] if good.any?
        verdict = found.map { |f| f[0] }.max_by { |v| RANK.index(v) }
        return [verdict == "newer" ? "malformed" : verdict, nil]
      end
      [verdict, nil]
    end
  end
end
