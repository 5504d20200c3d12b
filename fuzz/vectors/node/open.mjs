// Opens tokens with jose, as a service in another language would: the key is a
// JWK that hardtack has exported, and the two algorithms are named. Reads a JSON
// list of {jwk, token} from stdin and prints a list of results: the plaintext in
// hexadecimal behind "opened ", or "refused " and the code of the error.
import { readFileSync } from "node:fs";
import { compactDecrypt, importJWK } from "jose";

const tasks = JSON.parse(readFileSync(0, "utf8"));
const results = [];
for (const { jwk, token } of tasks) {
	try {
		const key = await importJWK(jwk, "dir");
		const { plaintext } = await compactDecrypt(token, key, {
			keyManagementAlgorithms: ["dir"],
			contentEncryptionAlgorithms: ["A256GCM"],
		});
		results.push("opened " + Buffer.from(plaintext).toString("hex"));
	} catch (e) {
		results.push("refused " + (e.code ?? e.name));
	}
}
console.log(JSON.stringify(results));
