using System.Collections.Immutable;
using System.Diagnostics;

namespace Mewe.Execution.Node;

/// <summary>Runs on the wire; the format is written down in Worker/run.js.</summary>
internal static class RunCodec
{
    public static RequestWriter Encode(ModuleRun run)
    {
        var writer = new RequestWriter(WorkerOperation.Run, run.Module.Length + 1024);
        writer.U8((int)run.UnknownImports);
        writer.List(run.ReadBack, writer.Range);
        writer.List(run.Seeds, writer.U64);
        Encode(writer, run.Workload);
        writer.Bytes(run.Module.Span);
        return writer;
    }

    public static RunResult DecodeRun(ModuleRun run, WorkerReply reply)
    {
        var reader = new ReplyReader(reply.Body);
        return reader.U8() == 0
            ? new RunResult { Rejection = reader.String() }
            : new RunResult
            {
                Distinct = reader.List((ref ReplyReader r) => Outcome(r.Bytes())),
                OutcomeOfSeed = reader.List(run.Seeds.Length, (ref ReplyReader r) => r.Count()),
            };
    }

    public static void Encode(RequestWriter writer, Workload workload)
    {
        switch (workload)
        {
            case CommandWorkload command:
                writer.U8(0);
                writer.List(command.Args, writer.String);
                writer.List(command.Env, writer.String);
                writer.Bytes(command.Stdin.Span);
                break;
            case ReactorWorkload reactor:
                writer.U8(1);
                writer.List(reactor.Requests, request => writer.Bytes(request.Span));
                break;
            case ExportCallsWorkload calls:
                writer.U8(2);
                writer.List(calls.Calls, call =>
                {
                    writer.String(call.Export);
                    writer.List(call.Arguments, writer.Value);
                });
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static RunOutcome Outcome(ReadOnlyMemory<byte> encoded)
    {
        var reader = new ReplyReader(encoded);
        return new RunOutcome
        {
            ExitCode = reader.U8() == 0 ? null : reader.I32(),
            Trap = reader.U8() == 0 ? null : reader.Trap(),
            Stdout = reader.Bytes(),
            Stderr = reader.Bytes(),
            Answers = reader.List(Answer),
            ReadBack = reader.List((ref ReplyReader r) => r.Bytes()),
        };
    }

    private static RunAnswer Answer(ref ReplyReader reader) => reader.U8() switch
    {
        0 => new RunAnswer.Bytes(reader.Bytes()),
        1 => new RunAnswer.Refused(),
        2 => new RunAnswer.Values(reader.List((ref ReplyReader r) => r.Value())),
        3 => new RunAnswer.Trapped(reader.Trap()),
        _ => throw new UnreachableException(),
    };
}
