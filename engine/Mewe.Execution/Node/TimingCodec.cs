namespace Mewe.Execution.Node;

/// <summary>Timings on the wire; the format is written down in Worker/time.js.</summary>
internal static class TimingCodec
{
    public static RequestWriter Encode(TimingRequest request)
    {
        var writer = new RequestWriter(WorkerOperation.Time, request.Modules.Sum(module => module.Length) + 1024);
        writer.U8((int)request.UnknownImports);
        writer.U8(request.TimeInstantiation ? 1 : 0);
        writer.U64(request.Seed);
        writer.U32(request.WarmupRounds ?? DefaultWarmup(request.Tier));
        writer.U32(request.Rounds);
        writer.F64(request.MinimumRoundNanoseconds);
        RunCodec.Encode(writer, request.Workload);
        writer.List(request.Subjects, subject =>
        {
            writer.U32(subject.Module);
            writer.List(subject.Globals, setting =>
            {
                writer.String(setting.Export);
                writer.Value(setting.Value);
            });
        });
        writer.List(request.Modules, module => writer.Bytes(module.Span));
        return writer;
    }

    private static int DefaultWarmup(TimingTier tier) => tier switch
    {
        TimingTier.AsShipped => 250,
        TimingTier.Settled => 50,
        TimingTier.Optimized => 5,
        _ => throw new ArgumentOutOfRangeException(nameof(tier), tier, "no such tier"),
    };

    public static TimingResult Decode(TimingRequest request, WorkerReply reply)
    {
        var reader = new ReplyReader(reply.Body);
        return reader.U8() == 0
            ? new TimingResult { Rejection = reader.String() }
            : new TimingResult
            {
                Repeats = reader.Count(),
                Nanoseconds = reader.List(
                    request.Subjects.Length, (ref ReplyReader subject) => subject.List(request.Rounds, (ref ReplyReader r) => r.F64())),
            };
    }
}
