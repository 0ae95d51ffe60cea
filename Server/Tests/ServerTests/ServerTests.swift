import Apus
import Foundation
import FoundationNetworking
import Testing

/// The server's executable, judged by Triton's own client and by clients that mean no good.
@Suite(.serialized) struct ServerTests {
    private func models() throws -> ModelFiles {
        let files = try ModelFiles()
        try files.saveAll()
        return files
    }

    @Test func tritonsClientAndBadClientsAreAnswered() async throws {
        let server = try await RunningServer(models().path, ["--max-request-bytes", "\(1 << 20)", "--poll-seconds", "0.2"])
        try await server.judge(["metadata", "inference", "datatypes", "many", "sequences", "control", "metrics"])
        try await server.judge(["bad_requests", "binary_bodies", "damaged", "sizes"])
        try await server.judge(["flood", "deadlines", "departures"])
        // Of all that was sent nothing was the server's own fault.
        #expect(server.lines.allSatisfy { $0["status"] != "500" })
        try await server.judge(["ending"])
        #expect(try await server.status() == 0)
        #expect(server.lines.last?["message"] == "ended")
    }

    @Test func tritonsClientIsAnsweredOverGRPC() async throws {
        let server = try await RunningServer(models().path, ["--max-request-bytes", "\(1 << 20)", "--log-level", "debug"])
        try await server.judge(["metadata", "inference", "datatypes", "many", "statistics", "sequences", "control"], by: "grpc_client.py")
        try await server.judge(["bad_requests", "damaged", "flood", "deadlines", "departures"], by: "grpc_client.py")
        #expect(server.lines.allSatisfy { !["internalError", "unknown"].contains($0["status"] ?? "") })
        // Each call stands in the log under its name, the client's where it gave one.
        #expect(server.lines.contains { $0["method"] == "ServerLive" && $0["request"] == "mine" && $0["status"] == "ok" })
        try await server.judge(["ending"], by: "grpc_client.py")
        #expect(try await server.status() == 0)
        #expect(server.lines.last?["message"] == "ended")
    }

    @Test func whatNobodyThoughtOfIsAnswered() async throws {
        let server = try await RunningServer(models().path, ["--poll-seconds", "0"])
        try await server.judge(["described", "bytes_damaged"], by: "fuzz.py")
        #expect(server.lines.allSatisfy { $0["status"] != "500" })
        #expect(try await server.end() == 0)
    }

    /// Runs where it is asked for: `make server-soak MINUTES=60`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["APUS_SERVER_SOAK_MINUTES"] != nil), .timeLimit(.minutes(600)))
    func memoryStaysWhereItIs() async throws {
        let files: ModelFiles = try models()
        let server = try await RunningServer(files.path, ["--poll-seconds", "0.5"])
        print(try await server.judge(["soak"], by: "soak.py", environment: ["APUS_SERVER_MODELS": files.path]))
        #expect(try await server.end() == 0)
    }

    @Test func changesOfTheFolderAreFollowed() async throws {
        let files = try ModelFiles()
        let server = try await RunningServer(files.path, ["--poll-seconds", "0.05"])
        func answer() async throws -> (status: Int, text: String) {
            var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(server.port)/v2/models/m/infer")))
            request.httpMethod = "POST"
            request.httpBody = Data(#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}"#.utf8)
            let (data, response) = try await URLSession.shared.data(for: request)
            return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
        }
        func waitFor(_ part: String) async throws {
            let end = ContinuousClock.now + .seconds(20)
            while true {
                let answer = try await answer()
                if answer.text.contains(part) { return }
                try #require(end > .now, "\(answer)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        #expect(try await answer().status == 404)
        for factor in [2, 3] {
            let program: ExportedProgram = try export({ (x: Tensor) in try x * Float(factor) }, args: Tensor.ones([1]))
            var parts: ProgramParts = program.parts
            parts.leafNames = ["x"]
            try files.save(ExportedProgram(parts), to: "m.pt2")
            try await waitFor("\"data\":[\(factor).0]")
        }
        try FileManager.default.removeItem(atPath: "\(files.path)/m.pt2")
        try await waitFor("there is no model 'm'")
        #expect(try await server.end() == 0)
    }

    @Test func tokensAndCertificatesAreAskedFor() async throws {
        let files: ModelFiles = try models()
        let secrets = try ModelFiles()
        try secrets.write("secret\n", to: "token")
        let open = try await RunningServer(files.path, ["--token-file", "\(secrets.path)/token", "--max-connections", "10"])
        try await open.judge(["token"])
        try await open.judge(["token", "connections"], by: "grpc_client.py")
        #expect(try await open.end() == 0)

        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
            "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(secrets.path)/key.pem", "-out", "\(secrets.path)/certificate.pem",
        ]
        (openssl.standardOutput, openssl.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)
        let certificate = "\(secrets.path)/certificate.pem"
        let closed = try await RunningServer(files.path, ["--tls-certificate", certificate, "--tls-key", "\(secrets.path)/key.pem"])
        try await closed.judge(["tls"], environment: ["APUS_SERVER_CERTIFICATE": certificate])
        try await closed.judge(["tls"], by: "grpc_client.py", environment: ["APUS_SERVER_CERTIFICATE": certificate])
        #expect(try await closed.end() == 0)
    }

    @Test func whatCanNotBeServedIsSaid() async throws {
        let empty = try ModelFiles()
        for (arguments, part) in [
            (["--token-file", "nothing"], "nothing can't be read"), (["--tls-key", "a"], "go together"),
            (["--port", "70000"], "--port must be"), (["--port", "9000", "--grpc-port", "9000"], "two ports"),
            (["--tls-certificate", "a", "--tls-key", "b"], "the certificates in 'a' can't be used"),
        ] {
            let error = await #expect(throws: RunningServer.Failure.self) { _ = try await RunningServer(empty.path, arguments) }
            #expect(error?.description.contains(part) == true, "\(arguments): \(error?.description ?? "")")
        }
        let error = await #expect(throws: RunningServer.Failure.self) { _ = try await RunningServer("nothing-is-here") }
        #expect(error?.description.contains("'nothing-is-here' is no folder") == true)
    }
}
