using System.Collections.Immutable;

namespace Mewe.Execution.Node;

/// <summary>Makes the answer out of a listing and the reply behind it; see Worker/code.js.</summary>
internal static class CodeCodec
{
    public static EngineResult<MachineCode> Decode(WorkerReply reply)
    {
        var reader = new ReplyReader(reply.Body);
        switch (reader.U8())
        {
            case 0:
                return new MachineCode { Rejection = reader.String() };
            case 2:
                return Unavailable(reader.String());
        }

        var imported = reader.Count();
        var functions = new FunctionMachineCode[reader.Count()];
        if (reply.Listing is not { } listing || listing.Problem is not null)
        {
            return Unavailable(reply.Listing?.Problem ?? "nothing was printed");
        }

        foreach (var code in listing.Resolve())
        {
            if ((uint)(code.Function - imported) >= functions.Length)
            {
                return Unavailable($"it has a function {code.Function}, which the module does not define");
            }

            functions[code.Function - imported] = code;
        }

        var missing = Array.IndexOf(functions, null);
        return missing < 0
            ? new MachineCode { Functions = ImmutableArray.Create(functions) }
            : Unavailable($"function {imported + missing} is not in the listing");
    }

    private static EngineFailure Unavailable(string problem) =>
        new(EngineFailureKind.Unavailable, $"V8's machine code cannot be used: {problem}");
}
