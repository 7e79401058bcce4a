namespace Mewe.Wasm.Validation;

/// <summary>Validates single function bodies against the module they are for (specification, 3.4 and the appendix on the algorithm).</summary>
public static class FunctionValidator
{
    /// <summary>
    /// The first error of a body, or null for a valid one. Made for many calls: apart from an error, nothing is allocated. The error's offset is the index of the
    /// instruction, because code that was made has no byte offsets.
    /// </summary>
    public static WasmError? Validate(ModuleContext context, FunctionType type, FunctionCode code)
    {
        var checker = BodyChecker.Rent();
        try
        {
            checker.CheckFunction(context, type, code, null);
            return null;
        }
        catch (WasmException exception)
        {
            return exception.Error;
        }
        finally
        {
            checker.Return();
        }
    }

    /// <summary>The types in a valid body.</summary>
    /// <exception cref="WasmException">The body is not valid; the offset is the index of the instruction.</exception>
    public static FunctionTyping Analyze(ModuleContext context, FunctionType type, FunctionCode code)
    {
        var recorder = new TypingRecorder(code.Instructions.Length);
        var checker = BodyChecker.Rent();
        try
        {
            checker.CheckFunction(context, type, code, recorder);
            return recorder.ToTyping();
        }
        finally
        {
            checker.Return();
        }
    }
}
