"""The exchange behind one Protocol, in the order an order passes through.

protocol      what worker and supervisor are handed
venue         GET /version picks the adapter
preflight     what the exchange would refuse in every order, found at the start
public        market data without keys; gamma and fees are its parts
data_api      positions, activity and trades of anybody
account       reads and cancels with an HMAC; auth makes the headers, rows reads the answers
amounts       an order as two exact amounts, or ValueError
posting       sends what a library signed, and says what the answer means
clob_v2       signs for Exchange V2 and V3 with py-clob-client-v2
clob_v1       signs for a venue of version 1 with py-clob-client
paper         fills on live quotes, no network; paper_rules says when
http          one client a process, one deadline a request; answer says what came back
"""
