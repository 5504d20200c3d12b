# Does the tasks of readers_test.go with hardtack.rb: a list of them as JSON, and a list of results.
require_relative "hardtack"

results = JSON.parse($stdin.read).map do |task|
  keys = { "keys" => task["keys"] ? task["keys"]["keys"] : [] }
  if task["do"] == "open"
    ring = keys["keys"].to_h { |k| [k["kid"], Hardtack.decode(k["k"])] }
    verdict, kid, plaintext = Hardtack.open(task["token"], ring)
    next { verdict: verdict, kid: kid.to_s, plaintext: plaintext ? plaintext.unpack1("H*") : "" }
  end
  begin
    verdict, session = Hardtack::Reader.new(keys, **task["options"].transform_keys(&:to_sym)).read(task["cookie"], task["now"])
    { verdict: verdict, session: session }
  rescue StandardError => e
    { verdict: "#{e.class}: #{e.message}" }
  end
end
puts JSON.generate(results)
