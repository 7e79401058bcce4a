using System.Collections.Immutable;

namespace Mewe.Execution.Node;

/// <summary>Sweeps on the wire; the format is written down in Worker/sweep.js.</summary>
internal static class SweepCodec
{
    private const int StopAtFirstDifference = 1;
    private const int KeepDigests = 2;

    public static RequestWriter Encode(SweepRequest request)
    {
        var writer = new RequestWriter(WorkerOperation.Sweep, request.Harness.Length + request.Preload.Sum(content => content.Bytes.Length + 64) + (request.Library?.Module.Length ?? 0) + 512);
        writer.U8((request.StopAtFirstDifference ? StopAtFirstDifference : 0) | (request.KeepDigests ? KeepDigests : 0));
        writer.U32(request.SubjectCount);
        writer.I32(request.FirstInput);
        writer.U32(request.InputCount);
        writer.List(request.ReadBack, writer.Range);
        writer.List(request.Preload, content =>
        {
            writer.String(content.Export);
            writer.F64(content.Offset);
            writer.Bytes(content.Bytes.Span);
        });
        writer.String(request.Library?.Key ?? "");
        writer.Bytes(request.Library is { } library ? library.Module.Span : []);
        writer.Bytes(request.Harness.Span);
        return writer;
    }

    public static SweepResult Decode(SweepRequest request, WorkerReply reply)
    {
        var reader = new ReplyReader(reply.Body);
        if (reader.U8() == 0)
        {
            return new SweepResult { Rejection = reader.String() };
        }

        return new SweepResult
        {
            Executions = (long)reader.F64(),
            Subjects = reader.List(request.SubjectCount, Report),
            ReadBack = reader.List((ref ReplyReader r) => r.Bytes()),
            Digests = reader.List((ref ReplyReader r) => r.U64()),
        };
    }

    private static SubjectReport Report(ref ReplyReader reader)
    {
        var report = new SubjectReport((SubjectStatus)reader.U8(), reader.Count(), reader.Count(), reader.Count(), reader.Count(), null);
        return report.Differences == 0
            ? report
            : report with { First = new SweepDifference(reader.I32(), Observation(ref reader), Observation(ref reader)) };
    }

    private static SweepObservation Observation(ref ReplyReader reader) => new(reader.U64(), reader.I32(), (TrapKind)reader.U8());
}
